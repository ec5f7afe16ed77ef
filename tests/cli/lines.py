"""Event lines, and customers as sets."""

RULES = """
identifiers:
  crm:    {rank: 1, unique: true}
  email:  {rank: 2, normalise: email, block: ["test@test.com"]}
  cookie: {rank: 9, max_age: 30d}
"""


def line(number=1, at="2026-01-01T00:00:00Z", **identifiers):
    return {"event_id": f"e{number}", "occurred_at": at, "identifiers": identifiers}


def members(output):
    """The partition of a simulation's output, as sets of "type:value"."""
    return {
        frozenset(f"{member['type']}:{member['value']}" for member in customer["identifiers"])
        for customer in output["customers"]
    }


def partition(*groups):
    return {frozenset(group.split()) for group in groups}
