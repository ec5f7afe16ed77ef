"""What can keep a part of the benchmark from being measured.

LeftOut    this part cannot be measured here, and the others can; the text says why
Broken     something that was measured failed: there are no figures, for they would mislead
"""


class LeftOut(Exception):
    """A part that is left out; the text says why, and what would change that."""


class Broken(Exception):
    """A process ended, hung, or gave a wrong result."""
