"""What a command cannot do for the one who called it.

InputError    what was given does not fit what is there; the text says what to give instead
"""


class InputError(Exception):
    """What was given cannot be used here."""
