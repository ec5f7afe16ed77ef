"""Reading a file of triggers: `Triggers`, or every problem at once, each with its path and what to write."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from identity import conditions, rulefile
from identity.conditions import KINDS, Said
from identity.problems import Document, Problems
from speed_layer.triggers.conditions import Crossed, Gained
from speed_layer.triggers.errors import DefinitionError
from speed_layer.triggers.model import MAX_AGE, Trigger, Triggers

TOP = ("version", "triggers")
KEYS = ("when", "unless", "within", "max_age", "purpose", "channel", "webhook")
CHANGE_KEYS = ("gained", "known_by", "from_visitors")
SEGMENT_KEYS = ("joined", "left")

# What a condition may be on besides events, each alone, and how it is called.
_ALONE = {"change": "a change", "segment": "a segment"}

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def load(path: Path) -> Triggers:
    """Read triggers from a file. Raises DefinitionError, also for a file that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(str(path), [f"cannot be read: {error}"]) from error
    return parse(text, str(path))


def parse(text: str, source: str = "triggers") -> Triggers:
    """Read triggers from YAML text; `source` names the file in errors. Raises DefinitionError."""
    try:
        document = rulefile.document(text)
    except ValueError as error:
        raise DefinitionError(source, [str(error)]) from error
    problems = Problems()
    top = problems.mapping("the file", document, TOP)
    if top.get("version", 1) != 1 or isinstance(top.get("version"), bool):
        problems.wrong("version", "only version 1 is known: write 1")
    entries = problems.mapping("triggers", top.get("triggers", {}))
    if not entries:
        problems.wrong(
            "triggers", "name at least one, such as 'bounced: {when: {email: {outcome: hard_bounce}}}'"
        )
    triggers = {
        name: _trigger(problems, name, problems.mapping(f"triggers.{name}", entry, KEYS))
        for name, entry in entries.items()
    }
    if problems.found:
        raise DefinitionError(source, problems.found)
    return triggers


def _trigger(problems: Problems, name: str, entry: Document) -> Trigger:
    path = f"triggers.{name}"
    if not _NAME.fullmatch(name):
        problems.wrong(path, "name it with up to 64 small letters, digits and '_', a letter first")
    when = _when(problems, path, entry)
    unless = _unless(problems, f"{path}.unless", entry["unless"]) if "unless" in entry else ()
    if ("unless" in entry) != ("within" in entry):
        problems.wrong(path, "'unless' and 'within' go together: write both, or neither to fire at once")
    if not isinstance(when, tuple) and "unless" in entry:
        what = _ALONE["change" if isinstance(when, Gained) else "segment"]
        problems.wrong(f"{path}.unless", f"has no meaning for {what}, which is told at once: remove it")
    return Trigger(
        name=name,
        when=when,
        unless=unless,
        within=problems.age(f"{path}.within", entry["within"]) if "within" in entry else 0,
        max_age=problems.age(f"{path}.max_age", entry["max_age"]) if "max_age" in entry else MAX_AGE,
        purpose=_purpose(problems, path, entry),
        channel=problems.text(f"{path}.channel", entry["channel"], "email") if "channel" in entry else "",
        webhook=_webhook(problems, f"{path}.webhook", entry["webhook"]) if "webhook" in entry else None,
    )


def _when(problems: Problems, path: str, entry: Document) -> tuple[Said, ...] | Gained | Crossed:
    at = f"{path}.when"
    if "when" not in entry:
        problems.wrong(at, "is missing: write what it fires for, such as {web: {kind: basket}}")
        return ()
    kinds = problems.mapping(at, entry["when"], (*KINDS, *_ALONE))
    alone = next((kind for kind in _ALONE if kind in kinds), None)
    if alone is None:
        return _said(problems, at, kinds)
    if len(kinds) > 1:
        problems.wrong(at, f"{_ALONE[alone]} stands alone: write another trigger for what else there is")
    read = _gained if alone == "change" else _crossed
    return read(problems, f"{at}.{alone}", kinds[alone])


def _crossed(problems: Problems, path: str, value: object) -> Crossed:
    entry = problems.mapping(path, value, SEGMENT_KEYS)
    if len(entry) != 1:
        problems.wrong(path, "write one of 'joined: SEGMENT' and 'left: SEGMENT'")
        return Crossed("", joined=True)
    ((side, segment),) = entry.items()
    return Crossed(problems.text(f"{path}.{side}", segment, "good_customers"), joined=side == "joined")


def _gained(problems: Problems, path: str, value: object) -> Gained:
    entry = problems.mapping(path, value, CHANGE_KEYS)
    types = problems.texts(f"{path}.gained", entry.get("gained"), "cookie")
    known_by = problems.texts(f"{path}.known_by", entry.get("known_by"), "[login, crm]")
    if both := set(types) & set(known_by):
        problems.wrong(f"{path}.known_by", f"{', '.join(sorted(both))} is also under 'gained': keep one")
    return Gained(
        frozenset(types),
        frozenset(known_by),
        problems.flag(f"{path}.from_visitors", entry.get("from_visitors", False)),
    )


def _unless(problems: Problems, path: str, value: object) -> tuple[Said, ...]:
    return _said(problems, path, problems.mapping(path, value, tuple(KINDS)))


def _said(problems: Problems, path: str, kinds: Document) -> tuple[Said, ...]:
    """Conditions by kind of event; one of them is enough."""
    if not kinds:
        problems.wrong(path, "name what happens, such as {web: {kind: purchase}}")
    return conditions.read(problems, path, kinds)


def _purpose(problems: Problems, path: str, entry: Document) -> str:
    if "purpose" not in entry:
        if "channel" in entry:
            problems.wrong(f"{path}.channel", "serves a 'purpose', which is missing: add one, or remove it")
        return ""
    return problems.text(f"{path}.purpose", entry["purpose"], "marketing")


def _webhook(problems: Problems, path: str, value: object) -> str:
    url = problems.text(path, value, "https://shop.example/hooks/ucid")
    try:
        parts = urlsplit(url)
        host, port_is_good = parts.hostname, parts.port != 0
    except ValueError:
        host, port_is_good = None, False
    if url and not (host and port_is_good and parts.scheme in {"https", "http"}):
        problems.wrong(path, "is no address: write one such as https://shop.example/hooks/ucid")
    elif url and parts.scheme == "http" and host not in _LOOPBACK:
        problems.wrong(path, "would send in clear text: begin it with https://")
    elif url and (parts.username is not None or parts.password is not None):
        problems.wrong(
            path, "holds a user or password: remove it, what is sent is signed with UCID_WEBHOOK_KEY"
        )
    return url
