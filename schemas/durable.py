"""What a crash of the machine must not undo."""

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Return once the names in a directory are on disk, such as one that a rename just made."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
