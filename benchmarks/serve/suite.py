"""The whole of `ucid bench serve`: rounds of all parts on one stage, and the ratios that follow."""

import json
import random
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, islice
from statistics import median
from threading import Event, Thread

import httpx
import msgspec

from benchmarks.report import Figure, Report
from benchmarks.serve import PARTS
from benchmarks.serve.load import Found, Load
from benchmarks.serve.stage import GENERATIONS, TELLING, Size, Stage, stage
from benchmarks.serve.telling import TOWN
from benchmarks.speed.errors import Broken, LeftOut
from benchmarks.speed.findings import machine
from benchmarks.speed.program import peer
from deploy.local.ports import free_port
from deploy.local.state import HOST
from identity import Identifier

Progress = Callable[[str], None]

SIZE = Size(1_000_000, 100_000)
CONNECTIONS = 32
LIST = 1_000
LISTS_AT_ONCE = 4
_PER_S = 40_000  # requests made beforehand for each second: more than are asked for
# Visitors who came before, in seconds for each that counts: so many that the server has forgotten some of
# them again, as it has after an hour.
_EARLIER = 4.5
_LISTS = 200
_UNIFORM_LISTS = 400  # of twice as many identifiers as a server remembers
_CHECKED = 2_000
_CHECKED_TOLD = 200
_PEER_KEYS = 100_000
_HANDOVER_EVERY_S = 1.0

RATIOS = ("vs_starlette_redis", "vs_redis_benchmark", "p99_over_p50", "handover_p99", "telling_vs_plain")


@dataclass(frozen=True)
class Plan:
    """What to measure: at which size, for how long each, how often, and which parts of it."""

    size: Size = SIZE
    seconds: float = 10.0
    repeat: int = 3
    parts: frozenset[str] = field(default_factory=lambda: frozenset(PARTS))


def measure(plan: Plan, progress: Progress) -> Report:
    """The parts of the plan; of what is measured several times, the median. Raises Broken."""
    with stage(plan.size, progress, telling="telling" in plan.parts) as ready:
        rounds = _Rounds(plan, ready, progress)
        rounds.run()
        return rounds.report()


class _Rounds:
    def __init__(self, plan: Plan, ready: Stage, progress: Progress) -> None:
        self._plan = plan
        self._stage = ready
        self._progress = progress
        self._taken: defaultdict[str, list[float]] = defaultdict(list)
        self._why: dict[str, str] = dict.fromkeys(PARTS.keys() - plan.parts, "it was not asked for")
        self._failed = False
        chance = random.Random(0)
        visitors = self._visitors(chance)
        known = list(ready.identifiers())
        before = islice(visitors, self._for(_EARLIER * plan.seconds))
        self._earlier = self._load("earlier", (_body([x]) for x in before))
        self._singles = self._load("single", (_body([x]) for x in islice(visitors, self._for(plan.seconds))))
        self._lists = self._load("bulk", (_body(list(islice(visitors, LIST))) for _ in range(_LISTS)))
        uniform = (_body(chance.choices(known, k=LIST)) for _ in range(_UNIFORM_LISTS))
        self._uniform = self._load("uniform", uniform)

    def _visitors(self, chance: random.Random) -> Iterator[Identifier]:
        """Who comes: customers by Zipf's law with exponent 1, each by any of his identifiers."""
        count, people = self._stage.customers, self._stage.people
        busy = list(accumulate(1 / rank for rank in range(1, count + 1)))
        while True:
            for number in chance.choices(range(count), cum_weights=busy, k=10_000):
                yield chance.choice(people.identifiers(number))

    def _load(self, name: str, bodies: Iterator[bytes]) -> Load:
        stage_ = self._stage
        return Load(stage_.home, name, bodies, "/v1/lookup", method="POST", secret=stage_.secret)

    def run(self) -> None:
        """Peers and server take turns, so that a slow minute falls on all."""
        for number in range(self._plan.repeat):
            with self._stage.serving() as url:
                if number == 0:
                    self._take("check", partial(self._check, url))
                self._take("single", partial(self._single, url))
                self._take("handover", partial(self._handover, url))
                self._take("bulk", partial(self._bulk, url))
                self._take("uniform", partial(self._uniformly, url))
            self._take("telling", self._telling)
            self._take("starlette", self._starlette)
            self._take("redis", self._redis)

    def report(self) -> Report:
        """Medians, and ratios of medians; a ratio that could not be made is null, and why."""
        found: dict[str, float] = {name: median(values) for name, values in self._taken.items()}
        figures: dict[str, Figure] = {
            **machine(),
            "identifiers": self._plan.size.identifiers,
            "overlay_identifiers": self._plan.size.overlay,
            **found,
        }
        report = Report(figures, dict.fromkeys(RATIOS), failed=self._failed)
        for name, of, over, part in (
            ("vs_starlette_redis", "lookups_per_s", "starlette_redis_per_s", "starlette"),
            ("vs_redis_benchmark", "lookups_per_s", "redis_benchmark_per_s", "redis"),
            ("p99_over_p50", "lookup_p99_s", "lookup_p50_s", "single"),
            ("handover_p99", "handover_p99_s", "lookup_p99_s", "handover"),
            ("telling_vs_plain", "telling_lookups_per_s", "lookups_per_s", "telling"),
        ):
            if of in found and over in found:
                report.ratios[name] = found[of] / found[over]
            else:
                report.why[name] = self._why.get(part) or self._why["single"]
        return report

    def _take(self, part: str, measured: Callable[[], dict[str, float]]) -> None:
        if part not in self._plan.parts or part in self._why:
            return
        self._progress(f"{part}: {PARTS[part]}")
        try:
            for name, value in measured().items():
                self._taken[name].append(value)
        except LeftOut as error:
            self._why[part] = str(error)
        except Broken as error:
            if part == "check":
                raise
            self._why[part] = f"it failed: {str(error).splitlines()[0]}"
            self._failed = True

    def _run(self, load: Load, url: str, connections: int = CONNECTIONS) -> Found:
        return load.run(url, connections, self._plan.seconds)

    def _single(self, url: str) -> dict[str, float]:
        """To a server that has just begun, and then to one where others have been."""
        begun = self._run(self._earlier, url)
        self._come_before(url)
        found = self._run(self._singles, url)
        return {
            "begun_lookups_per_s": begun.per_second,
            "begun_p99_s": begun.p99,
            "lookups_per_s": found.per_second,
            "lookup_p50_s": found.p50,
            "lookup_p99_s": found.p99,
        }

    def _come_before(self, url: str) -> None:
        self._earlier.run(url, CONNECTIONS, _EARLIER * self._plan.seconds)

    @staticmethod
    def _for(seconds: float) -> int:
        """As many requests as so many seconds take."""
        return max(round(seconds * _PER_S), 1)

    def _telling(self) -> dict[str, float]:
        """The same requests, also when others have been there, of people of whom more is known."""
        self._stage.go_live(TELLING)
        try:
            with self._stage.serving() as url:
                self._check_told(url)
                self._come_before(url)
                return {"telling_lookups_per_s": self._run(self._singles, url).per_second}
        finally:
            self._stage.go_live(GENERATIONS[0])

    def _bulk(self, url: str) -> dict[str, float]:
        found = self._run(self._lists, url, LISTS_AT_ONCE)
        return {"bulk_identifiers_per_s": found.per_second * LIST, "bulk_p50_s": found.p50}

    def _uniformly(self, url: str) -> dict[str, float]:
        found = self._run(self._uniform, url, LISTS_AT_ONCE)
        return {"bulk_uniform_identifiers_per_s": found.per_second * LIST}

    def _handover(self, url: str) -> dict[str, float]:
        with self._moving() as count:
            found = self._run(self._singles, url)
        return {"handover_p99_s": found.p99, "handovers": float(count())}

    @contextmanager
    def _moving(self) -> Iterator[Callable[[], int]]:
        """Readers move to the next generation, round and round, once a second."""
        stop, moves = Event(), 0

        def move() -> None:
            nonlocal moves
            while not stop.wait(_HANDOVER_EVERY_S):
                moves += 1
                self._stage.go_live(GENERATIONS[moves % len(GENERATIONS)])

        thread = Thread(target=move)
        thread.start()
        try:
            yield lambda: moves
        finally:
            stop.set()
            thread.join()
            self._stage.go_live(GENERATIONS[0])

    def _starlette(self) -> dict[str, float]:
        with self._stage.redis.pipeline(transaction=False) as pipe:
            for number in range(_PEER_KEYS):
                pipe.set(f"peer:{number}", json.dumps({"customer_id": f"c_{number:026d}"}))
            pipe.execute()
        port = free_port(HOST)
        env = self._stage.env | {"PEER_PORT": str(port)}
        numbers = random.Random(0).choices(range(_PEER_KEYS), k=self._for(self._plan.seconds))
        asked = (b"%d" % number for number in numbers)
        load = Load(self._stage.home, "peer", asked, "/", method="GET")
        with peer("serve.starlette_redis", [], env, self._stage.home / "starlette.log"):
            url = f"http://{HOST}:{port}"
            self._stage.await_answer(f"{url}/1", self._stage.home / "starlette.log")
            found = self._run(load, url)
        return {"starlette_redis_per_s": found.per_second, "starlette_redis_p50_s": found.p50}

    def _redis(self) -> dict[str, float]:
        if shutil.which("redis-benchmark") is None:
            raise LeftOut("there is no redis-benchmark: `sudo apt-get install redis-tools`")
        count = max(round(self._plan.seconds * 50_000), 10_000)
        argv = ["redis-benchmark", "-h", HOST, "-p", str(self._stage.redis_port), "-t", "get"]
        argv += ["-c", str(CONNECTIONS), "-n", str(count), "-q"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        rates = re.findall(r"GET: ([\d.]+) requests per second", done.stdout)
        if not rates:
            raise Broken(f"redis-benchmark failed: {done.stderr.strip()[-200:]}")
        return {"redis_benchmark_per_s": float(rates[-1])}

    def _check(self, url: str) -> dict[str, float]:
        """Customers drawn by lot, by all their identifiers: the id, the members and the certainty."""
        chance = random.Random(1)
        people, count = self._stage.people, self._stage.customers
        with self._client() as client:
            for number in chance.sample(range(count), min(_CHECKED, count)):
                known = people.identifiers(number)
                answer = client.post(
                    f"{url}/v1/lookup", content=_body([*known, Identifier("login", "nobody")])
                )
                if answer.status_code != 200:
                    raise Broken(f"a lookup was answered with {answer.status_code}")
                *found, nobody = answer.json()["results"]
                for one in found:
                    members = {Identifier(x["type"], x["value"]) for x in one["identifiers"]}
                    if one["customer_id"] != people.id(number) or not members.issuperset(known):
                        raise Broken(f"customer {number} is not answered as it follows from the data")
                    if one["certainty"] is None or nobody is not None:
                        raise Broken(f"customer {number}: a certainty is missing, or nobody was found")
        return {"checked_customers": float(min(_CHECKED, count))}

    def _client(self) -> httpx.Client:
        return httpx.Client(headers={"authorization": f"Bearer {self._stage.secret}"})

    def _check_told(self, url: str) -> None:
        """Of customers drawn by lot: what they told is there."""
        people, count = self._stage.people, self._stage.customers
        with self._client() as client:
            for number in random.Random(2).sample(range(count), min(_CHECKED_TOLD, count)):
                answer = client.get(f"{url}/v1/customers/{people.id(number)}").json()
                if answer["profile"]["town"]["value"] != TOWN or answer["segments"] != ["invited"]:
                    raise Broken(f"customer {number}: what is known of him is missing")


def _body(identifiers: list[Identifier]) -> bytes:
    return msgspec.json.encode({"identifiers": [x._asdict() for x in identifiers]})
