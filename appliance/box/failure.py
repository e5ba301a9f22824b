"""The one failure of the box: it cannot start, or cannot do what the admin asked, and says why in a sentence."""

from appliance.errors import StudioError

# sysexits.h: the configuration is wrong; starting again will not help until somebody changes something.
EX_CONFIG = 78


class BoxError(StudioError):
    """The box cannot go on. `exit_code` is what the command line ends with."""

    status = 500

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    @classmethod
    def about_configuration(cls, message: str) -> "BoxError":
        """Return the failure for something that only a person can put right."""
        return cls(message, EX_CONFIG)
