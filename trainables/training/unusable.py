"""The error of a checkpoint that cannot be resumed from; it loads no torch."""


class UnusableCheckpoint(ValueError):
    """The files of a checkpoint are missing, damaged or of another trial; the message is a sentence."""
