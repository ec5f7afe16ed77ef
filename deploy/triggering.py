"""What the triggers' app is told of this installation: how Kafka knows it, who is who, what it signs with."""

import logging
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import faust
from faust.types.auth import CredentialsT

from deploy.errors import SettingsError
from deploy.security import KafkaSecurity, Tls
from deploy.settings import Settings
from identity import Customer, Rules, rulefile
from schemas import Unavailable
from schemas.generation import open_generation
from schemas.turned import Turned, holding, read
from serving_layer.profile import published
from serving_layer.view import Found, ServingView
from speed_layer.triggers.app import App
from speed_layer.triggers.errors import NotYet
from speed_layer.triggers.model import Triggers
from speed_layer.triggers.seams import Membership
from speed_layer.triggers.webhook import Webhook, key_of

# Identifiers in one question to the view.
_TOGETHER = 1_000

# These tell of each of their parts that starts and ends.
_TALKATIVE = ("aiokafka", "faust", "mode")


def run_worker(app: App) -> int:
    """Run a Faust worker until it is asked to end; returns its exit code. Logs are ours."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    worker = faust.Worker(
        app.faust, override_logging=False, redirect_stdouts=False, quiet=True, stdout=sys.stderr
    )
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        return int(ended.code or 0)


def options(settings: Settings, nothing: Path) -> dict[str, Any]:
    """Faust's settings that depend on the installation. Its directory stays empty: state is in Kafka."""
    credentials = _credentials(settings.kafka_security)
    named = {"broker_credentials": credentials} if credentials is not None else {}
    brokers = [f"kafka://{address.strip()}" for address in settings.kafka.split(",")]
    return {"broker": brokers, "datadir": str(nothing), **named}


def webhook(settings: Settings, triggers: Triggers) -> Webhook | None:
    """What signs, where a trigger needs it. Raises SettingsError."""
    urls = [trigger.name for trigger in triggers.values() if trigger.webhook is not None]
    if not urls:
        return None
    if settings.webhook_key is None:
        raise SettingsError(
            f"UCID_WEBHOOK_KEY is not set, and the trigger {urls[0]} goes to a webhook, which has to be able "
            'to tell who sends: "whsec_$(openssl rand -base64 32)" makes a good one.'
        )
    key = key_of(settings.webhook_key)
    if key is None:
        raise SettingsError(
            "UCID_WEBHOOK_KEY is no key: write whsec_ and the base64 of 24 to 64 random bytes; "
            '"whsec_$(openssl rand -base64 32)" makes one.'
        )
    return Webhook(key)


class ViewCustomers:
    """Who is who, by the serving view in this process: no identifier leaves it."""

    def __init__(self, view: ServingView, generations: Path) -> None:
        self._view = view
        self._generations = generations
        self._rules: tuple[int, Rules] | None = None

    def of(self, events: Sequence[Mapping[str, Sequence[str]]]) -> list[str | None]:
        """See `seams.Customers`: of an event's identifiers, the strongest that has a customer decides."""
        freshness = self._view.freshness()
        _check(stale=freshness.stale)
        rules = self._in_force(freshness.generation)
        pairs = [_strongest_first(rules, event) for event in events]
        asked = list(dict.fromkeys(pair for event in pairs for pair in event))
        found: dict[tuple[str, str], Found] = {}
        for start in range(0, len(asked), _TOGETHER):
            some = asked[start : start + _TOGETHER]
            answer = self._view.lookup(some)
            _check(stale=answer.freshness.stale)
            found.update(zip(some, answer.found, strict=True))
        if any(one.pending and one.customer is None for one in found.values()):
            raise NotYet("an identifier waits for the side lane")
        return [
            next((customer.id for pair in event if (customer := found[pair].customer) is not None), None)
            for event in pairs
        ]

    def current(self, customer_id: str) -> Customer | None:
        """See `seams.Customers`."""
        customer, freshness = self._view.customer(customer_id)
        _check(stale=freshness.stale)
        return customer

    def _in_force(self, generation: int) -> Rules:
        if self._rules is None or self._rules[0] != generation:
            manifest = open_generation(self._generations, generation).manifest
            self._rules = generation, rulefile.parse(manifest.rules, "the generation's rules")
        return self._rules[1]


class ViewMemberships:
    """Who is in which segments, by the same view."""

    def __init__(self, view: ServingView, tenant: str) -> None:
        self._view = view
        self._tenant = tenant

    def rules(self) -> Rules:
        """See `seams.Memberships`."""
        _check(stale=self._view.freshness().stale)
        return self._view.generations.current.rules

    def of(self, customer: Customer) -> Membership:
        """See `seams.Memberships`."""
        known = self._view.known(customer)
        _check(stale=known.stale)
        before = published(known.standing, self._tenant, customer)
        manifest = known.standing.generation.manifest
        return Membership(known.segments, before, holding(manifest.offsets, manifest.generation))


class ViewTurns:
    """What generations changed by themselves, up to the one that readers stand on."""

    def __init__(self, view: ServingView, generations: Path) -> None:
        self._view = view
        self._generations = generations

    def since(self, number: int) -> tuple[int, list[tuple[int, Turned]]]:
        """See `seams.Turns`."""
        freshness = self._view.freshness()
        _check(stale=freshness.stale)
        told: list[tuple[int, Turned]] = []
        # By what each was made from: one that readers were led back from is none of theirs.
        each = freshness.generation
        while each > number and (turned := read(self._generations, each)) is not None:
            told.append((each, turned))
            each = turned.before
        return freshness.generation, told[::-1]


def _check(*, stale: bool) -> None:
    if stale:
        raise Unavailable("the stream's view cannot be asked, or is being built")


def _strongest_first(rules: Rules, event: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """An event's identifiers; none of one that the speed layer refuses for a type that no rule names."""
    known = [type_ for type_ in event if type_ in rules.types]
    if len(known) < len(event) and not rules.ignore_unknown:
        return []
    return [(type_, raw) for type_ in sorted(known, key=rules.strength) for raw in event[type_]]


def _credentials(security: KafkaSecurity) -> CredentialsT | None:
    if security.protocol == "plaintext":
        return None
    context = _context(security.tls) if security.protocol.endswith("ssl") else None
    if security.mechanism is None:
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=security.user, password=security.password, ssl_context=context, mechanism=security.mechanism
    )


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca)
    if tls.certificate is not None:
        context.load_cert_chain(tls.certificate, tls.key)
    return context
