"""Forgetting a person: found by one identifier, noted in the audit log, and only then put into the log."""

import time
from typing import NamedTuple

from confluent_kafka import Producer

from deploy.noting import note
from deploy.sending import send_erasures
from deploy.settings import Settings
from deploy.user import user
from schemas.ledger import asked_for
from serving_layer import questions
from serving_layer.access.audit import Seal
from serving_layer.view import ServingView


class Sent(NamedTuple):
    """An erasure that the log has: its receipt, whose it is, and how many identifiers it names."""

    receipt: str
    customer_id: str | None
    erased: int


def forget(
    settings: Settings,
    view: ServingView,
    producer: Producer,
    identifier: tuple[str, str],
    *,
    only: bool = False,
) -> Sent:
    """Forget the person behind a (type, raw value), or with `only` this identifier alone.

    Raises UnknownTypeError, AuditFailed, and KafkaException.
    """
    tenant = settings.tenant
    (outcome,) = view.ask(questions.lookup(view.generations.current, tenant, [identifier])).found
    whom = outcome.person(only=only)
    receipt, messages = asked_for(tenant, whom, user(), time.time_ns() // 1_000)
    seal = Seal(settings.id_key)
    note(settings, "erase", [seal.of(tenant, x) for x in whom], detail={"receipt": receipt})
    send_erasures(producer, messages)
    return Sent(receipt, outcome.customer[0] if outcome.customer else None, len(whom))
