"""The curated categories. Songs are sorted into these and no others, whatever a model suggests."""

CATEGORIES = (
    "Pop", "Rock", "Hip hop", "R&B", "Soul", "Funk", "Disco", "Electronic", "House", "Techno", "Drum and bass", "Trap",
    "Synthwave", "Lo-fi", "Ambient", "Jazz", "Blues", "Country", "Folk", "Acoustic", "Indie", "Punk", "Metal", "Reggae",
    "Latin", "World", "Gospel", "Classical", "Cinematic", "Children", "Chill", "Energetic", "Happy", "Sad", "Romantic",
    "Dark", "Dreamy", "Epic", "Focus", "Party", "Workout", "Sleep",
)  # fmt: skip


def slug(name: str) -> str:
    """Return the category's name as it stands in an address: "Drum and bass" is "drum-and-bass"."""
    return name.lower().replace("&", "-and-").replace(" ", "-")
