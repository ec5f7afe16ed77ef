"""`ucid consent grant|withdraw|show|history`: what somebody permits, said and asked."""

import argparse
import time
import uuid

from deploy import bootstrap
from deploy.commands.simulate import moment
from deploy.noting import note
from deploy.pairs import type_and_value
from deploy.printing import print_line
from deploy.sending import send
from deploy.settings import Settings
from deploy.user import user
from identity.consent import permission
from schemas import CONSENTS, Consent, ConsentStatus, decode, encode
from serving_layer.answers import permitted_json, stated_json
from serving_layer.permissions import check
from serving_layer.statements import history


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, help_ in (
        ("grant", "these permit it: a word of each of them"),
        ("withdraw", "these no longer permit it"),
        ("show", "do these permit it now? One JSON object a line; exit code 1 unless all do"),
    ):
        said = actions.add_parser(action, help=help_)
        said.add_argument("purpose", help="what for, such as marketing")
        said.add_argument("identifiers", nargs="+", type=type_and_value, metavar="TYPE=VALUE")
        for part in ("channel", "brand", "locale"):
            said.add_argument(f"--{part}", default="", help="default: all")
        if action == "grant":
            said.add_argument("--from", dest="begin", type=moment, metavar="T", help="default: at once")
            said.add_argument("--until", type=moment, metavar="T", help="RFC 3339; default: without an end")
        if action != "show":
            said.add_argument("--source", default="", help="who asked, and where; default: you")
            said.add_argument("--proof", default="", help="a reference or a hash of what proves it")
    told = actions.add_parser("history", help="what this customer stated, oldest first")
    told.add_argument("identifier", type=type_and_value, metavar="TYPE=VALUE")


def run(options: argparse.Namespace) -> int:
    """Do what is asked. Raises Malformed for a word that cannot be taken."""
    settings = Settings.load()
    if options.action == "history":
        return _history(settings, options.identifier)
    if options.action == "show":
        return _show(settings, options)
    return _state(settings, options, "granted" if options.action == "grant" else "withdrawn")


def _state(settings: Settings, options: argparse.Namespace, status: ConsentStatus) -> int:
    now = time.time_ns() // 1_000
    identifiers: dict[str, list[str]] = {}
    for type_, value in options.identifiers:
        identifiers.setdefault(type_, []).append(value)
    word = Consent(
        consent_id=str(uuid.uuid4()),
        tenant=settings.tenant,
        stated_at=now,
        status=status,
        identifiers=identifiers,
        purpose=options.purpose,
        channel=options.channel,
        brand=options.brand,
        locale=options.locale,
        valid_from=getattr(options, "begin", None),
        valid_until=getattr(options, "until", None),
        source=options.source or f"ucid consent, {user()}",
        proof=options.proof,
    )
    payload = encode(word)
    decode(CONSENTS, payload, now)  # else it would be a dead letter
    send(bootstrap.producer(settings), CONSENTS, [payload])
    print(f"consent {word.consent_id}: {status}")
    return 0


def _show(settings: Settings, options: argparse.Namespace) -> int:
    view = bootstrap.serving_view(settings)
    about = permission(options.purpose, options.channel, options.brand, options.locale)
    now = time.time_ns() // 1_000
    question = check(view.generations.current, settings.tenant, options.identifiers, about, now)
    found = view.ask(question).found
    known = [one.customer_id for one in found if one.customer_id is not None]
    note(settings, "permissions", known, len(found))
    for (type_, value), one in zip(options.identifiers, found, strict=True):
        print_line({"type": type_, "value": value, **permitted_json(one)})
    return 0 if all(one.status == "allowed" for one in found) else 1


def _history(settings: Settings, asked: tuple[str, str]) -> int:
    view = bootstrap.serving_view(settings)
    told = view.ask(history(view.generations.current, settings.tenant, asked))
    note(settings, "statements", [] if told.customer_id is None else [told.customer_id], 1)
    for x, said in told.said:
        print_line(stated_json(x, *said))
    return 0 if told.customer_id is not None else 1
