"""What can go wrong when identity is decided.

IdentityError
├── RuleError              the rule file cannot be used; `problems` lists path and remedy
├── UnknownTypeError       an event names a type that no rule knows
└── InvalidValueError      a value that its type's normaliser refuses (it is quarantined)
"""


class IdentityError(Exception):
    """Base of all errors of `identity`."""


class RuleError(IdentityError):
    """A rule file that cannot be used.

    `problems` holds one sentence each: where in the file, what is wrong, what to write instead.
    """

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        self.problems = problems
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))


class UnknownTypeError(IdentityError):
    """An event carries an identifier type that the rules do not name."""

    def __init__(self, type_: str, known: tuple[str, ...]) -> None:
        self.type = type_
        super().__init__(
            f"no rule names the identifier type {type_!r}: add it to the rules, "
            f"use one of {', '.join(known)}, or set 'unknown_identifiers: ignore'"
        )


class InvalidValueError(IdentityError):
    """A value that cannot be an identifier of its type; the text never repeats the value."""
