"""Texts in SOURCE.yaml: fixed ones with columns in braces, and lists of values that a column may have."""

import re

from batch_layer.sources.model import Template
from identity.problems import Problems

_TRUTHS = {True: ("true", "yes", "on"), False: ("false", "no", "off")}
_BRACED = re.compile(r"\{([^{}]+)\}")


def filled(problems: Problems, path: str, text: str) -> Template:
    """A text with columns in braces; without any it is fixed."""
    parts = _BRACED.split(text)
    if any({"{", "}"} & set(part) for part in parts):
        problems.wrong(path, 'write columns in braces, such as "crm-{customer_no}"')
    return Template(tuple(parts))


def words(problems: Problems, path: str, value: object, example: str) -> tuple[str, ...]:
    """One value or a list of them. YAML makes a truth of yes and on, and a file may hold either."""
    entries = value if isinstance(value, list) else [value]
    said = [as_text for word in entries for as_text in (_TRUTHS[word] if isinstance(word, bool) else (word,))]
    return problems.texts(path, said, example)
