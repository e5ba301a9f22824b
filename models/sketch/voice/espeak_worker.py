"""A program of its own that speaks lines of text with eSpeak NG and tells when each sound begins.

eSpeak NG is GPL-3, so it is loaded here and nowhere else: the studio starts this file as a process and only exchanges data
with it. Each line of standard input is a request in JSON: {"text", "voices" (names to try in this order), "rate" (words a
minute), "pitch" (0..100)}. The answer is one line of JSON, {"rate" (Hz), "bytes", "events", "error"}, and then that many
bytes of 16-bit mono sound. It ends with its input, so it never outlives the process that started it.
"""

import ctypes
import json
import os
import signal
import sys
from typing import Any

import espeakng_loader

# From espeak-ng/speak_lib.h.
AUDIO_OUTPUT_SYNCHRONOUS = 2
PHONEME_EVENTS, PHONEME_IPA, DONT_EXIT = 0x0001, 0x0002, 0x8000
RATE, PITCH, PITCH_RANGE = 1, 3, 4
EVENT_END, EVENT_WORD, EVENT_PHONEME = 0, 1, 7
POSITION_CHARACTER, TEXT_IS_UTF8 = 1, 1
RANDOM_SEED = 1
# A line takes milliseconds. If it takes this long, something hangs, and the kernel ends it.
LONGEST_SECONDS = 10


class EventId(ctypes.Union):
    """What an event is about; eSpeak's `id`."""

    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class Event(ctypes.Structure):
    """eSpeak's `espeak_EVENT`: positions of text in characters from 1, of audio in milliseconds."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", EventId),
    )


SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


def load_espeak() -> tuple[ctypes.CDLL, int]:
    """Return the library, ready to speak, and its sample rate in Hz."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path().encode()
    rate = library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, data, PHONEME_EVENTS | PHONEME_IPA | DONT_EXIT)
    if rate <= 0:
        raise OSError("eSpeak NG did not start")
    return library, rate


def speak(library: ctypes.CDLL, request: dict[str, Any]) -> tuple[list[tuple[str, int, Any]], bytes]:
    """Return the events (kind, milliseconds, what) and the 16-bit sound of one request."""
    sound = bytearray()
    events: list[tuple[str, int, Any]] = []

    def receive(samples: Any, count: int, reported: Any) -> int:
        if samples and count > 0:
            sound.extend(ctypes.string_at(samples, count * 2))
        index = 0
        while (event := reported[index]).type != EVENT_END:
            if event.type == EVENT_WORD:
                events.append(("word", event.audio_position, (event.text_position - 1, event.length)))
            elif event.type == EVENT_PHONEME:
                events.append(("phone", event.audio_position, event.id.string.decode("utf-8", "replace")))
            index += 1
        return 0

    # Breath and flutter are drawn from eSpeak's random numbers, which start from the clock otherwise.
    library.espeak_ng_SetRandSeed(ctypes.c_long(RANDOM_SEED))
    callback = SynthCallback(receive)  # which Python must not throw away while eSpeak still calls it
    library.espeak_SetSynthCallback(callback)
    for name in request["voices"]:
        if library.espeak_SetVoiceByName(name.encode()) == 0:
            break
    library.espeak_SetParameter(RATE, request["rate"], 0)
    library.espeak_SetParameter(PITCH, request["pitch"], 0)
    library.espeak_SetParameter(PITCH_RANGE, 0, 0)  # the melody comes from the song
    text = str(request["text"]).encode()
    library.espeak_Synth(text, len(text) + 1, 0, POSITION_CHARACTER, 0, TEXT_IS_UTF8, None, None)
    library.espeak_Synchronize()
    return events, bytes(sound)


def answer_from_fresh_state(library: ctypes.CDLL, rate: int, request: dict[str, Any]) -> bytes:
    """Return the answer to one request, spoken in a fork.

    eSpeak carries phases and random numbers from line to line, and the same line must sound the same whatever came before
    it. A fork always begins from the same state; and a line that makes eSpeak crash takes only its fork down.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(LONGEST_SECONDS)
        try:
            events, sound = speak(library, request)
            header = {"rate": rate, "bytes": len(sound), "events": events, "error": ""}
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(json.dumps(header).encode() + b"\n" + sound)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0:
        return answer
    return json.dumps({"rate": rate, "bytes": 0, "events": [], "error": f"exit status {status}"}).encode() + b"\n"


def main() -> None:
    """Answer requests until standard input ends."""
    signal.alarm(LONGEST_SECONDS)
    library, rate = load_espeak()
    signal.alarm(0)
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(answer_from_fresh_state(library, rate, json.loads(line)))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
