"""What a command cannot do for the one who called it.

InputError      what was given does not fit what is there; the text says what to give instead
SettingsError   a setting is missing or makes no sense; the text names its variable, never a secret
"""


class InputError(Exception):
    """What was given cannot be used here."""


class SettingsError(Exception):
    """A setting is missing or makes no sense; the text names its variable."""
