"""`ucid erase TYPE=VALUE`: forget the person behind an identifier, everywhere.

Answers know nothing of him within seconds, the batch layer's tables and generations with the next run; see
docs/erasure.md for what waits for which retention.
"""

import argparse
import sys

import msgspec

from deploy import bootstrap
from deploy.erasing import erasures, person
from deploy.errors import InputError
from deploy.pairs import type_and_value
from deploy.sending import send
from deploy.settings import Settings
from deploy.user import user
from identity.tombstones import Tombstones
from schemas import ERASURES, encode
from serving_layer.access.audit import Entry


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument(
        "identifier", nargs="?", type=type_and_value, metavar="TYPE=VALUE", help="one of the person's"
    )
    parser.add_argument(
        "--only", action="store_true", help="this identifier alone, and not all of its customer's"
    )
    parser.add_argument("--receipt", metavar="ID", help="how far an erasure has come, store by store")


def run(options: argparse.Namespace) -> int:
    """Print the receipt's id, and how many identifiers are erased, as a line of JSON; or a line a store.

    Of a receipt, exit code 1 where some store has not forgotten yet.
    """
    settings = Settings.load()
    if (options.identifier is None) == (options.receipt is None):
        raise InputError("name either whom to erase, as TYPE=VALUE, or --receipt ID")
    if options.receipt is not None:
        return _receipt(settings, options.receipt)
    outcome, whom = person(bootstrap.serving_view(settings), settings.tenant, *options.identifier)
    if options.only:
        whom = [outcome.identifier]
    receipt, messages = erasures(settings.tenant, whom, user())
    tombstones = Tombstones(settings.id_key, settings.tenant)
    with bootstrap.audited(settings) as note:
        note(
            Entry(
                who=user(),
                tenant=settings.tenant,
                act="erase",
                about=[tombstones.digest(x).hex() for x in whom],
                detail={"receipt": receipt},
            )
        )
    producer = bootstrap.producer(settings)
    for message in messages:
        send(producer, ERASURES, [encode(message)], message.erasure_id.encode())
    line = {"receipt": receipt, "customer_id": outcome.customer and outcome.customer[0], "erased": len(whom)}
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    return 0


def _receipt(settings: Settings, receipt_id: str) -> int:
    from deploy.receipts import receipt  # noqa: PLC0415 - an extra

    stores = receipt(settings, receipt_id)
    for store in stores:
        sys.stdout.buffer.write(msgspec.json.encode(store) + b"\n")
    return 0 if all(store.done for store in stores) else 1
