"""Objects that no song names are deleted, and no others."""

from sqlalchemy.orm import Session

from appliance.storage import Storage
from appliance.tables import Song
from tests.worker.making import ask_for_song
from worker.leftovers import delete_leftovers, sweep_leftovers


def _finished(session: Session, song: Song) -> list[str]:
    """Make a song ready as its second attempt, and return its keys."""
    folder = f"songs/{song.id}/2"
    song.status, song.master_key, song.audio_key = "processed", f"{folder}/master.flac", f"{folder}/audio.mp3"
    return [song.master_key, song.audio_key]


def test_the_sweep_deletes_what_no_song_names(session: Session, object_store: Storage) -> None:
    ready, waiting = ask_for_song(session).songs
    gone = ask_for_song(session).songs[0]
    kept = [
        *_finished(session, ready),
        f"songs/{waiting.id}/1/audio.mp3",  # may be being made at this moment
        "covers/house.webp",  # nothing of songs
        "songs/readme.txt",
    ]
    left = [
        f"songs/{ready.id}/1/audio.mp3",
        f"songs/{gone.id}/1/master.flac",
        f"songs/{gone.id}/1/cover.webp",
    ]
    session.delete(gone)
    session.commit()
    for key in kept + left:
        object_store.write(key, b"x", "text/plain")
    assert sweep_leftovers() == 3
    assert sorted(object_store.list()) == sorted(kept)
    assert sweep_leftovers() == 0


def test_leftovers_of_one_attempt_or_of_all_are_deleted_but_never_what_the_song_names(
    session: Session, object_store: Storage
) -> None:
    song = ask_for_song(session).songs[0]
    kept = _finished(session, song)
    session.commit()
    for key in [*kept, f"songs/{song.id}/1/audio.mp3", f"songs/{song.id}/3/audio.mp3", f"songs/{song.id}/2/cover.webp"]:
        object_store.write(key, b"x", "text/plain")
    delete_leftovers(song.id, 3)
    assert len(object_store.list()) == 4
    delete_leftovers(song.id, 2)
    assert sorted(object_store.list()) == sorted([*kept, f"songs/{song.id}/1/audio.mp3"])
    delete_leftovers(song.id)
    assert sorted(object_store.list()) == sorted(kept)
