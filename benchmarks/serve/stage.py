"""A server with its stores for one run: a private Redis, two generations, a stream on both, a key."""

import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import msgspec
from redis import Redis

from benchmarks.serve.people import TENANT, Event, People
from benchmarks.serve.telling import TellingPeople
from benchmarks.speed.errors import Broken
from benchmarks.speed.program import running, tail
from deploy.local import redis as local_redis
from deploy.local.ports import free_port
from deploy.local.state import HOST
from identity import Identifier, Minter
from schemas import overlay
from schemas.blocks import packed
from schemas.generation import Builder, Manifest, open_generation, shard_of, write_shard
from serving_layer.access import keys
from speed_layer.apply import Applier
from speed_layer.consents import Consents
from speed_layer.profiles import Profiles
from speed_layer.view import ViewState

SHARDS = 4
# Alike, so that a handover changes no answer; three, so that each opens one that a server does not hold open.
GENERATIONS = (1, 2, 3)
TELLING = 4  # the same people, of whom more is known
_TOGETHER = 5_000  # customers of one batch of the stream
_LATER = 1_751_328_000_000_000  # 2025-07-01, in microseconds: when the stream saw what it adds
_DEADLINE = 60.0


# It tells of each request.
logging.getLogger("httpx").setLevel(logging.WARNING)


class Size(msgspec.Struct, frozen=True):
    """How many identifiers the generation has, and how many of them the stream has touched or added."""

    identifiers: int
    overlay: int


class Stage:
    """What is there, and how to start servers on it."""

    def __init__(
        self,
        home: Path,
        size: Size,
        progress: Callable[[str], None],
        stack: ExitStack,
        *,
        telling: bool = False,
    ) -> None:
        """`telling` makes a generation of people who tell more, too."""
        self.home = home
        self.size = size
        self._stack = stack
        key = secrets.token_hex(32)
        self.people = People(key.encode())
        self._minter = Minter(key.encode(), TENANT)
        port = free_port(HOST)
        stack.enter_context(
            running(local_redis.command(home / "redis", HOST, port), dict(os.environ), home / "redis.log")
        )
        _await(lambda: local_redis.ready(HOST, port), home / "redis.log")
        self.redis_port = port
        self.redis = stack.enter_context(Redis(host=HOST, port=port))
        self.secret = keys.new_secret()
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("UCID_")},
            "UCID_HOME": str(home),
            "UCID_KAFKA": f"{HOST}:9",
            "UCID_REDIS": f"redis://{HOST}:{port}/0",
            "UCID_GENERATIONS": str(home / "generations"),
            "UCID_DELTA": str(home),
            "UCID_ID_KEY": key,
            "UCID_KEYS": str(home / "keys.json"),
            "UCID_AUDIT": str(home / "audit"),
            "UCID_AUDIT_ANCHORS": str(home / "anchors"),
            "UCID_HISTORY": str(home / "history.db"),
            "UCID_LOG_LEVEL": "warning",
        }
        self._grant()
        each = sum(len(shape.nodes) for shape in self.people.shapes) / len(self.people.shapes)
        self.customers = round(size.identifiers / each)
        crowds = {GENERATIONS: self.people} | ({(TELLING,): TellingPeople(key.encode())} if telling else {})
        for numbers, people in crowds.items():
            progress(f"generations: {self.customers:,} customers, {len(numbers)} times")
            self._publish(numbers, people)
            progress(f"the stream: {size.overlay:,} identifiers on each")
            for number in numbers:
                self._apply(number, people)
        self.go_live(GENERATIONS[0])

    def go_live(self, number: int) -> None:
        """Move readers."""
        self.redis.set(overlay.LIVE, number)

    def identifiers(self) -> Iterator[Identifier]:
        """All identifiers, a customer after the other."""
        for number in range(self.customers):
            yield from self.people.identifiers(number)

    def await_answer(self, url: str, log: Path) -> None:
        """Return once a server answers. Raises Broken."""
        _await(lambda: _answers(url), log)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """`ucid serve` as a process; gives its URL."""
        port = free_port(HOST)
        log = self.home / "serve.log"
        url = f"http://{HOST}:{port}"
        env = self.env | {"UCID_HTTP": str(port)}
        with running([sys.executable, "-m", "deploy", "serve"], env, log):
            self.await_answer(f"{url}/readyz", log)
            yield url

    def _grant(self) -> None:
        key = keys.Key(
            id="k_bench",
            name="bench",
            tenant=TENANT,
            scopes=("lookup", "read"),
            secrets=(keys.Secret(sha256=keys.digest(self.secret)),),
            rate=0,
            unknown=0,
            created=0,
        )
        (self.home / "keys.json").write_bytes(msgspec.json.encode(keys.KeyFile(keys=(key,))))

    def _publish(self, numbers: Sequence[int], people: People) -> None:
        root = self.home / "generations"
        shards: list[list[tuple[bytes, bytes]]] = [[] for _ in range(SHARDS)]
        for customer in range(self.customers):
            for key, value in chain(packed(customer, people.records(customer)), people.told(customer)):
                shards[shard_of(key, SHARDS)].append((key, value))
        for entries in shards:
            entries.sort()
        for number in numbers:
            with Builder(root, number) as builder:
                written = [write_shard(builder.directory, i, entries) for i, entries in enumerate(shards)]
                builder.publish(
                    Manifest(
                        generation=number,
                        offsets={},
                        as_of=None,
                        rules=people.rules_text,
                        fingerprint=people.rules.fingerprint,
                        shards=written,
                    )
                )

    def _apply(self, number: int, people: People) -> None:
        """Customers spread over all are seen again, each with a cookie more, until enough have changed."""
        generation = open_generation(self.home / "generations", number)
        state = ViewState(self.redis, generation)
        applier = Applier(self.redis, generation, state, people.rules)
        consents = Consents(self.redis, generation, state)
        profiles = Profiles(self.redis, number, state, people.rules)

        def apply(events: list[Event]) -> None:
            said = [people.says([Identifier(*pair) for pair in event.items()], _LATER) for event in events]
            consents.apply(TENANT, {x: permits for one in said for x, permits in one.permits.items()})
            applier.apply(people.facts(events, _LATER), self._minter)
            profiles.write(TENANT, {x: claims for one in said for x, claims in one.claims.items()})

        changed = 0
        step = max(self.customers * 3 // max(self.size.overlay, 1), 1)
        events: list[Event] = []
        for customer in range(0, self.customers, step):
            known = people.identifiers(customer)
            events.append({known[0].type: known[0].value, "cookie": f"GA1.9.{customer:08d}.1"})
            changed += len(known) + 1
            if len(events) == _TOGETHER:
                apply(events)
                events = []
            if changed >= self.size.overlay:
                break
        apply(events)
        state.advance({b"web.events:%d" % i: changed for i in range(4)}, _LATER)


@contextmanager
def stage(size: Size, progress: Callable[[str], None], *, telling: bool = False) -> Iterator[Stage]:
    """Servers for as long as the context lasts."""
    with TemporaryDirectory(prefix="ucid-bench-") as home, ExitStack() as stack:
        progress(f"servers: a private Redis in {home}")
        yield Stage(Path(home), size, progress, stack, telling=telling)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).status_code == 200
    except httpx.TransportError:
        return False


def _await(ready: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + _DEADLINE
    while not ready():
        if time.monotonic() > end:
            raise Broken(f"a server did not start\n{tail(log)}")
        time.sleep(0.05)
