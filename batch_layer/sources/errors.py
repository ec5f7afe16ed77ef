"""Why a source is not taken in. Nothing of a load that raises one of these counts.

SourceError
├── DefinitionError    SOURCE.yaml cannot be used; `problems` lists path and remedy
└── Unreadable         a file or a table is torn, gone, or not what the definition says

A load that is stopped by a limit raises nothing: its report says why, and its rejects are kept.

No text repeats a value: columns hold personal data, and errors end up in logs.
"""


class SourceError(Exception):
    """The root of this tree."""


class DefinitionError(SourceError):
    """A SOURCE.yaml that cannot be used: each problem says where, what is wrong and what to write."""

    def __init__(self, name: str, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{name}: {problem}" for problem in problems))


class Unreadable(SourceError):
    """What is to be loaded cannot be read; the text names it and says what to look at."""
