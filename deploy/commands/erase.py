"""`ucid erase TYPE=VALUE`: forget the person behind an identifier, everywhere.

Answers know nothing of him within seconds, the batch layer's tables and generations with the next run; see
docs/erasure.md for what waits for which retention.
"""

import argparse
import sys
import time

import msgspec

from deploy import bootstrap
from deploy.errors import InputError
from deploy.pairs import type_and_value
from deploy.receipts import receipt
from deploy.sending import send
from deploy.settings import Settings
from deploy.user import user
from schemas import ERASURES, encode
from schemas.ledger import asked_for
from serving_layer import questions
from serving_layer.access.audit import Entry, Seal


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
    view, tenant = bootstrap.serving_view(settings), settings.tenant
    question = questions.lookup(view.generations.current, tenant, [options.identifier])
    (outcome,) = view.ask(question).found
    whom = outcome.person(only=options.only)
    receipt_id, messages = asked_for(tenant, whom, user(), time.time_ns() // 1_000)
    seal = Seal(settings.id_key)
    with bootstrap.audited(settings) as note:
        about = [seal.of(tenant, x) for x in whom]
        note(Entry(who=user(), tenant=tenant, act="erase", about=about, detail={"receipt": receipt_id}))
    producer = bootstrap.producer(settings)
    for message in messages:
        send(producer, ERASURES, [encode(message)], message.erasure_id.encode())
    customer_id = outcome.customer[0] if outcome.customer else None
    _print({"receipt": receipt_id, "customer_id": customer_id, "erased": len(whom)})
    return 0


def _receipt(settings: Settings, receipt_id: str) -> int:
    stores = receipt(settings, settings.tenant, receipt_id)
    for store in stores:
        _print(store)
    return 0 if all(store.done for store in stores) else 1


def _print(line: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
