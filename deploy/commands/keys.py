"""`ucid keys list|create|rotate|revoke`: who may ask the HTTP server."""

import argparse
import re
import secrets
import sys
import time

import msgspec

from deploy.api_keys import changed
from deploy.errors import InputError
from deploy.printing import print_line
from deploy.settings import Settings
from serving_layer.access.keys import MOST_SECRETS, RATE, UNKNOWN, Key, Secret, digest, load, new_secret
from serving_layer.access.principal import SCOPES

_DAY_S = 86_400
_GRACE_DAYS = 7


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="one JSON object a line; no secrets, for they are not kept")
    create = actions.add_parser("create", help="make a key; its secret is printed, this once")
    create.add_argument("name", help="who uses it, for people to read")
    scopes = "; ".join(f"{name}: {what}" for name, what in SCOPES.items())
    create.add_argument(
        "--scopes", type=_scopes, default=("lookup",), metavar="SCOPE,…", help=f"default: lookup. {scopes}"
    )
    create.add_argument(
        "--rate",
        type=_count,
        default=RATE,
        metavar="N",
        help="identifiers a second; 0: any; default %(default)s",
    )
    create.add_argument(
        "--unknown",
        type=_count,
        default=UNKNOWN,
        metavar="N",
        help="how many identifiers a day may be unknown before it looks like guessing; 0: any; "
        "default %(default)s",
    )
    create.add_argument("--expires", type=_days, metavar="DAYS", help="days until its secret ends")
    rotate = actions.add_parser("rotate", help="a second secret for a key; the first one ends later")
    rotate.add_argument("id")
    rotate.add_argument(
        "--grace", type=_days, default=_GRACE_DAYS, metavar="DAYS", help="until then; default %(default)s"
    )
    revoke = actions.add_parser("revoke", help="end a key, within a second")
    revoke.add_argument("id")


def run(options: argparse.Namespace) -> int:
    """Do it. Raises InputError for a key that there is not."""
    settings = Settings.load()
    now = int(time.time())
    match options.action:
        case "list":
            for key in load(settings.keys).keys:
                print_line(_told(key))
        case "create":
            secret = new_secret()
            expires = None if options.expires is None else now + options.expires * _DAY_S
            key = Key(
                id=f"k_{secrets.token_hex(5)}",
                name=options.name,
                tenant=settings.tenant,
                scopes=options.scopes,
                secrets=(Secret(sha256=digest(secret), expires=expires),),
                rate=options.rate,
                unknown=options.unknown,
                created=now,
            )
            with changed(settings.keys) as keys:
                keys[key.id] = key
            print(f"{key.id} made; its secret is printed this once:", file=sys.stderr)
            print(secret)
        case "rotate":
            secret = new_secret()
            with changed(settings.keys) as keys:
                keys[options.id] = rotated(_of(keys, options.id), secret, now, options.grace * _DAY_S)
            print(
                f"{options.id} has a second secret; the first ends in {options.grace} days:", file=sys.stderr
            )
            print(secret)
        case "revoke":
            with changed(settings.keys) as keys:
                _of(keys, options.id)
                del keys[options.id]
            print(f"{options.id} is gone", file=sys.stderr)
    return 0


def rotated(key: Key, secret: str, now: int, grace: int) -> Key:
    """The key with a new secret beside the one it has, which ends after `grace` seconds.

    Raises InputError where two are valid already: a third would end one that is in use.
    """
    valid = [old for old in key.secrets if old.expires is None or old.expires > now]
    if len(valid) >= MOST_SECRETS:
        raise InputError(f"{key.id} has {MOST_SECRETS} secrets that are valid: wait until the older one ends")
    ending = [
        Secret(sha256=old.sha256, expires=min(now + grace, old.expires or now + grace)) for old in valid
    ]
    return msgspec.structs.replace(key, secrets=(*ending, Secret(sha256=digest(secret))))


def _told(key: Key) -> dict[str, object]:
    told: dict[str, object] = msgspec.to_builtins(key)
    told["secrets"] = [{"expires": secret.expires} for secret in key.secrets]
    return told


def _of(keys: dict[str, Key], id_: str) -> Key:
    if id_ not in keys:
        raise InputError(f"there is no key {id_}: 'ucid keys list' names them all")
    return keys[id_]


def _scopes(text: str) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(text.split(",")))
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(SCOPES)}")
    return scopes


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return int(text)


def _days(text: str) -> int:
    days = _count(text)
    if days > 3_650:  # noqa: PLR2004 - ten years
        raise argparse.ArgumentTypeError(f"{text} is more than ten years")
    return days
