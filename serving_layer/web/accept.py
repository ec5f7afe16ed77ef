"""Which of the forms that an answer can have does a caller like best? (RFC 9110, 12.5.1)"""

from collections.abc import Sequence

from serving_layer.errors import Refused


def chosen(accept: str | None, forms: Sequence[str]) -> str:
    """The media type with the highest weight, of several the first. Raises Refused (406).

    Parameters of media types other than `q` are not looked at; what is no media range counts as absent.
    """
    if accept is None or not accept.strip():
        return forms[0]
    ranges = [_range(part) for part in accept.split(",")]
    weights = {form: _weight(form, ranges) for form in forms}
    best = max(forms, key=weights.__getitem__)  # of equals the first
    if not weights[best]:
        raise Refused(406, f"this can be had as {', '.join(forms)}", "format")
    return best


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (word.strip().lower() for word in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, min(max(float(value), 0.0), 1.0)
            except ValueError:
                return name, 0.0
    return name, 1.0


def _weight(form: str, ranges: Sequence[tuple[str, float]]) -> float:
    """That of the range which names the form most exactly."""
    for name in (form, form.split("/", maxsplit=1)[0] + "/*", "*/*"):
        found = [weight for range_, weight in ranges if range_ == name]
        if found:
            return max(found)
    return 0.0
