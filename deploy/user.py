"""Who runs a command, as the audit log names him."""

import getpass


def user() -> str:
    """The login on this machine."""
    return f"cli:{getpass.getuser()}"
