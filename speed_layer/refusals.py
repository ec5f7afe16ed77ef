"""Why messages were refused, in a few words that can label a metric."""

# What a reason says, and its class; the first that fits counts. A class never repeats what a reason quotes.
_CLASSES = (
    ("bytes, at most", "size"),
    ("neither Avro", "encoding"),
    ("not UTF-8", "encoding"),
    ("not JSON", "encoding"),
    ("Avro:", "avro"),
    ("NUL character", "nul"),
    ("without a value", "empty"),
    ("no rule names", "unknown_type"),
    ("a decision", "decision"),
    ("is before 1990", "time"),
    ("is in the future", "time"),
    ("outside the years", "time"),
    ("expected a time", "time"),
    ("time zone", "time"),
    ("in one event, at most", "too_many"),
    ("is longer than", "too_long"),
)
OTHER = "field"
CLASSES = (*dict.fromkeys(name for _, name in _CLASSES), OTHER)


def refusal(reason: str) -> str:
    """The class of a dead letter's reason; `field` for all that is wrong with one field."""
    return next((name for words, name in _CLASSES if words in reason), OTHER)
