"""Bodies, decoded; what is wrong with one is told without quoting it."""

from typing import Any, TypeVar

import msgspec

from identity import UnknownTypeError
from serving_layer.web.refused import Refused

Content = TypeVar("Content")


def decoded(decoder: "msgspec.json.Decoder[Content]", body: bytes, what: str) -> Content:
    """What the body says. Raises Refused (400)."""
    problem: str
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        problem = f"the body is no {what}: {_without_values(error)}"
    except UnicodeDecodeError:
        problem = "the body is not UTF-8"
    except RecursionError:
        problem = "the body is nested too deeply"
    raise Refused(400, problem, "body")


def of_unknown_type(error: UnknownTypeError) -> Refused:
    """The refusal of a type that no rule names."""
    return Refused(400, str(error), "body")


def _without_values(error: Any) -> str:  # noqa: ANN401
    """What msgspec says: places and types. Of an unknown field it would quote the name, which is not ours."""
    text = str(error)
    return "it has a field that is not known" if "unknown field" in text else text
