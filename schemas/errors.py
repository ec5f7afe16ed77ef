"""What can be wrong with what arrives.

SchemaError
├── Malformed           a message on a topic; its reason goes into the dead letter
├── WrongLine           a line of an events file; it also says which line
├── BrokenGeneration    files that are not what their manifest says (schemas.generation)
└── Unavailable         what an answer would rest on cannot be reached

A reason says what to fix. It may name a type, a field or a position, never a value: values are
personal data, and reasons end up in logs.
"""


class SchemaError(Exception):
    """The root of this tree: something does not keep to its contract."""


class Malformed(SchemaError):
    """A message that no retry will make readable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WrongLine(SchemaError):
    """A line of an events file that is no event; lines count from 1."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number}: {reason}")
        self.number = number
        self.reason = reason


class Unavailable(SchemaError):
    """A store does not answer, and no other can answer in its place."""
