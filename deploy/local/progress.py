"""Telling the user what the stack is doing."""

import shutil
import sys
from collections.abc import Callable
from typing import TextIO

Progress = Callable[[str, str], None]
"""Called with (what is being done, how far it is); may be called often."""


def silent(what: str, detail: str) -> None:
    """Report nothing."""


class ConsoleProgress:
    """Shows progress on a stream: one line per activity, redrawn on a terminal, else plain lines."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._redraw = self._stream.isatty()
        self._what: str | None = None

    def __call__(self, what: str, detail: str) -> None:
        """Show how far an activity is."""
        line = f"{what}: {detail}"
        if self._redraw:
            ended = "\n" if self._what not in (None, what) else ""
            # A line that wraps could not be redrawn.
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"{ended}\r\x1b[K{line[:width]}")
        else:
            self._stream.write(f"{line}\n")
        self._what = what
        self._stream.flush()

    def close(self) -> None:
        """End the line that was being redrawn, so that what follows starts on a new one."""
        if self._redraw and self._what is not None:
            self._stream.write("\n")
            self._stream.flush()
        self._what = None
