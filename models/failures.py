"""What can go wrong with a model that a person can do something about: each failure's message is a sentence to read."""


class ModelFailure(Exception):
    """A model cannot do what was asked. The message is a sentence for the person who asked, or for the admin."""


class WrongSetting(ModelFailure):
    """The checkpoint that is loaded cannot work with this setting."""


class WeightsMissing(ModelFailure):
    """The model's weights are not on this machine, or not all of them."""


class TooLarge(ModelFailure):
    """The work does not fit into the accelerator's memory, even alone and in the smallest steps."""


class EngineStopped(ModelFailure):
    """The engine was shut down while it still had this work."""
