"""The form that the suite runs in: `make test` runs a short one, `make faults` the full one."""

import os

FULL = os.environ.get("UCID_FAULTS") == "full"


def times(short, full):
    """How often, or how many."""
    return full if FULL else short
