"""What can go wrong on the user's machine, each with what to do about it in its text.

LocalStackError
├── MissingTool     a program the stack needs is not installed: names the command that installs it
├── DownloadError   the jars could not be fetched: names the hosts tried and how to use a mirror
├── HomeError       the directory is not ucid's, or its state file cannot be read
└── StartError      a process ended, or was not ready in time: carries the tail of its log
"""


class LocalStackError(Exception):
    """Base of everything `deploy.local` raises on purpose."""


class MissingTool(LocalStackError):
    """A program the stack needs is not installed, or is too old."""


class DownloadError(LocalStackError):
    """Jars could not be fetched; nothing incomplete was kept."""


class HomeError(LocalStackError):
    """The directory is not a ucid home, or its state file cannot be read."""


class StartError(LocalStackError):
    """A process ended, or was not ready before its deadline."""
