"""The sketch engine's voice: eSpeak NG speaks the words, WORLD sings them on the melody's notes."""

from models.sketch.voice.stem import sing

__all__ = ["sing"]
