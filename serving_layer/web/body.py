"""Bodies, decoded; what is wrong with one is told without quoting it."""

import re
from typing import TypeVar

import msgspec

from serving_layer.errors import Refused

Content = TypeVar("Content")

_NOT_UTF8 = "the body is not UTF-8"
_WORD = re.compile(r"Invalid enum value '.*'(?= - at |$)", re.DOTALL)


def decoded(decoder: "msgspec.json.Decoder[Content]", body: bytes, what: str) -> Content:
    """What the body says. Raises Refused (400)."""
    problem: str
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        problem = f"the body is no {what}: {without_values(error)}"
        if not _is_utf8(body):
            problem = _NOT_UTF8
    except UnicodeDecodeError:  # what msgspec raised before it was a DecodeError
        problem = _NOT_UTF8
    except RecursionError:
        problem = "the body is nested too deeply"
    raise Refused(400, problem, "body")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def without_values(error: msgspec.DecodeError) -> str:
    """What msgspec says: places and types. It would quote a field or a word that is not known."""
    text = str(error)
    if "unknown field" in text:
        return "it has a field that is not known"
    return _WORD.sub("Invalid enum value", text)
