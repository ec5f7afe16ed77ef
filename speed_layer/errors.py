"""What can go wrong in the speed layer.

SpeedError
├── LostView      Redis lost the view (flushed, or restored from an old file): build it again
└── Contention    an update met a conflict too often
"""


class SpeedError(Exception):
    """Base of all errors of the speed layer."""


class LostView(SpeedError):
    """The view's epoch is gone or another: what was written to it is lost."""


class Contention(SpeedError):
    """Other workers changed the same customers each time that an update was tried."""
