"""Failures that a person can do something about, each with an HTTP status and a sentence to read."""


def said(sentence: str, **values: object) -> str:
    """Return an English sentence for people, its values, each `%(name)s`, filled in.

    The catalogues take in every sentence that is written so, and `appliance.languages.translated` recognises it again.
    """
    return sentence % values if values else sentence


class StudioError(Exception):
    """An expected failure. `status` is the HTTP status, the message is a sentence for the person who caused it.

    `fields` maps names of form fields to a sentence about each, where the failure is about what somebody typed.
    """

    status = 400

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields or {}


class InvalidInput(StudioError):
    """Something typed cannot be used as it is."""

    status = 422

    @classmethod
    def about(cls, **fields: str) -> "InvalidInput":
        """Return the failure for these fields, with their sentences as its message."""
        return cls(" ".join(fields.values()), fields)


class NotSignedIn(StudioError):
    """The page needs somebody to be signed in."""

    status = 401

    def __init__(self, message: str = "Please sign in first.") -> None:
        super().__init__(message)


class NotAllowed(StudioError):
    """The person may not do this (and it is no secret that it exists)."""

    status = 403


class NotFound(StudioError):
    """It is not there, or it is not for this person to know that it is."""

    status = 404

    def __init__(self, message: str = "There is nothing here, or it is private.") -> None:
        super().__init__(message)


class Conflict(StudioError):
    """It cannot be done in the present state of things."""

    status = 409


class Gone(StudioError):
    """A one-time link or token that was used already or has run out."""

    status = 410


class Unavailable(StudioError):
    """A part of the studio does not answer at the moment."""

    status = 503


class SettingsError(StudioError):
    """A setting is unknown, malformed or contradicts another; the studio does not start."""

    status = 500
