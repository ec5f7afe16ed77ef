"""`ucid erase TYPE=VALUE`: forget the person behind an identifier, everywhere.

Answers know nothing of him within seconds, the batch layer's tables and generations with the next run; see
docs/erasure.md for what waits for which retention.
"""

import argparse

from deploy import bootstrap
from deploy.errors import InputError
from deploy.forget import forget
from deploy.pairs import type_and_value
from deploy.printing import print_line
from deploy.receipts import receipt
from deploy.settings import Settings


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
    view, producer = bootstrap.serving_view(settings), bootstrap.producer(settings)
    print_line(forget(settings, view, producer, options.identifier, only=options.only)._asdict())
    return 0


def _receipt(settings: Settings, receipt_id: str) -> int:
    stores = receipt(settings, settings.tenant, receipt_id)
    for store in stores:
        print_line(store)
    return 0 if all(store.done for store in stores) else 1
