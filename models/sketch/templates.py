"""Tables for songs without words: which sections, how long against each other, and how energetic."""

from models.sketch.genres import Form

ENERGY = {
    "intro": 0.3, "verse": 0.5, "prechorus": 0.64, "chorus": 0.86, "bridge": 0.45, "outro": 0.35, "solo": 0.8,
    "drop": 1.0, "build": 0.6, "breakdown": 0.25, "theme": 0.7, "climax": 1.0, "head": 0.6, "interlude": 0.55,
    "swell": 0.4,
}  # fmt: skip

# (kind, bars in the full-length version) in the order of the song.
TEMPLATES: dict[Form, tuple[tuple[str, int], ...]] = {
    "edm": (("intro", 8), ("verse", 8), ("build", 4), ("drop", 16), ("breakdown", 8), ("build", 4), ("drop", 16),
            ("outro", 8)),
    "song": (("intro", 4), ("verse", 8), ("chorus", 8), ("verse", 8), ("chorus", 8), ("bridge", 8), ("solo", 8),
             ("chorus", 8), ("outro", 4)),
    "jazz": (("intro", 4), ("head", 16), ("solo", 16), ("bridge", 8), ("solo", 16), ("head", 16), ("outro", 4)),
    "loop": (("intro", 4), ("verse", 8), ("chorus", 8), ("verse", 8), ("breakdown", 4), ("chorus", 8), ("verse", 8),
             ("outro", 4)),
    "ambient": (("intro", 4), ("swell", 8), ("theme", 8), ("swell", 8), ("bridge", 4), ("theme", 8), ("outro", 4)),
    "cinematic": (("intro", 4), ("verse", 8), ("build", 4), ("theme", 8), ("breakdown", 4), ("build", 4),
                  ("climax", 12), ("outro", 4)),
    "classical": (("verse", 8), ("chorus", 8), ("verse", 8), ("bridge", 8), ("chorus", 8), ("verse", 8), ("outro", 2)),
    "blues": (("intro", 4), ("verse", 12), ("verse", 12), ("solo", 12), ("solo", 12), ("verse", 12), ("outro", 4)),
}  # fmt: skip

# Which of the above a short song keeps, by place in the list.
SHORT_TEMPLATES: dict[Form, tuple[int, ...]] = {
    "edm": (0, 2, 3, 7), "song": (0, 1, 2, 8), "jazz": (0, 1, 2, 6), "loop": (0, 1, 2, 7), "ambient": (0, 2, 3, 6),
    "cinematic": (0, 2, 6, 7), "classical": (0, 1, 2, 6), "blues": (0, 1, 3, 6),
}  # fmt: skip
