"""What can go wrong in the speed layer.

SpeedError
├── Outdated      a generation has people who were erased, and the log no longer says whom: make a new one
├── LostView      Redis lost the view (flushed, or restored from an old file): build it again
└── Contention    an update met a conflict too often
"""


class SpeedError(Exception):
    """Base of all errors of the speed layer."""


class Outdated(SpeedError):
    """A generation that was put back: the stream cannot tell whom to take out of it."""


class LostView(SpeedError):
    """The view's epoch is gone or another: what was written to it is lost."""


class Contention(SpeedError):
    """Other workers changed the same customers each time that an update was tried."""
