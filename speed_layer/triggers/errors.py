"""What can go wrong with triggers."""

from speed_layer.errors import SpeedError


class DefinitionError(SpeedError):
    """A file of triggers that cannot be used: each problem says where, what is wrong and what to write."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))


class NotYet(SpeedError):
    """Who is asked about waits for the side lane, and is not known before."""
