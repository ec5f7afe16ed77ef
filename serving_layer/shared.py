"""Round trips to Redis, shared by all requests in flight.

While as many are under way as may be, whatever is asked meanwhile waits for the next: under load many
requests share one script, and a request alone waits for nobody.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas import Unavailable, overlay
from serving_layer.generations import Generations
from serving_layer.metrics import Metrics
from serving_layer.reading import MOST, MOST_WATCHED, Below, Look, Reading, looked
from serving_layer.wire import Wire

log = logging.getLogger(__name__)

# Round trips under way at a time: while Redis works at one, the answers of the other are written, or whatever
# it is to be asked for is read.
FLIGHTS: Final = 2

# Requests that need not wait for more, where a round trip may begin: two halves of some thirty connections.
ENOUGH: Final = 16

# Seconds between two tries to reach a Redis that is away; until then nobody waits for it.
PROBE_S: Final = 0.1


class Asks(Protocol):
    """Who wants something read, for so many requests."""

    @property
    def requests(self) -> int:
        """How many."""

    def look(self) -> Look:
        """What to read: once it was asked for, the same for good."""

    def told(self, reading: Reading | Exception, asked: int, watched: int) -> None:
        """Takes what was read for all, and where in it his identifiers and watched keys begin; or an error.

        Called once.
        """


class Shared:
    """Reads for everybody in one process. Belongs to one event loop."""

    def __init__(self, redis: Redis, generations: Generations, metrics: Metrics) -> None:
        self.generations = generations
        self._redis = redis
        self._wire = Wire(redis)
        self._metrics = metrics
        self._waiting: deque[Asks] = deque()
        self._flying = 0
        self._probe: asyncio.Task[None] | None = None

    def read(self, look: Look) -> asyncio.Future[Reading]:
        """The records of some identifiers, at most `reading.MOST`, all of one moment.

        The future raises BrokenGeneration where there is nothing to answer from.
        """
        asks = _Waits(look)
        self.tell(asks)
        return asks.future

    def tell(self, asks: Asks) -> None:
        """The same for who does not wait."""
        self._waiting.append(asks)
        if self._flying < FLIGHTS and len(self._waiting) == 1:
            self._start_soon()

    def ask(self, below: Below, replied: Callable[[Sequence[Any] | None], None]) -> None:
        """Ask Redis; `replied` is called once, later, with None where it is away."""

        def done(reply: Sequence[Any] | RedisError) -> None:
            if isinstance(reply, RedisError):
                self._lost(reply)
                replied(None)
            else:
                replied(reply)

        if self.away:
            asyncio.get_running_loop().call_soon(replied, None)
        else:
            self._wire.call(*below.question(), done)

    async def minted_from(self, tenant: str, customer_id: str) -> bytes | None:
        """The hash of the identifier that an unpublished id was minted from, if Redis knows one."""
        bucket, field = overlay.id_field(tenant, customer_id)
        try:
            found = None if self.away else await self._redis.hget(cast("str", bucket), cast("str", field))
        except RedisError as error:
            self._lost(error)
            return None
        return cast("bytes | None", found)

    async def scan(self, cursor: int, pattern: bytes, count: int) -> tuple[int, list[bytes]]:
        """About so many keys of Redis, those that fit the pattern, and the cursor of the next; 0 is the end.

        Raises Unavailable.
        """
        try:
            found = None if self.away else await self._redis.scan(cursor, pattern, count)
        except RedisError as error:
            self._lost(error)
            found = None
        if found is None:
            raise Unavailable("without Redis nothing whole can be told: try again")
        return cast("tuple[int, list[bytes]]", found)

    async def values(self, keys: Sequence[bytes]) -> Sequence[bytes | None] | None:
        """What stands under some keys at one moment; None where Redis is away."""
        try:
            found = None if self.away else await self._redis.mget(cast("list[str]", keys))
        except RedisError as error:
            self._lost(error)
            return None
        return cast("Sequence[bytes | None] | None", found)

    @property
    def away(self) -> bool:
        """Whether Redis is known to be away."""
        return self._probe is not None

    async def close(self) -> None:
        """Let go of Redis."""
        if self._probe is not None:
            self._probe.cancel()
        self._wire.close()
        await self._redis.aclose()

    def _start_soon(self) -> None:
        """Not at once: what else arrives in this turn of the loop, and in the next, comes along."""
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self.go)

    def go(self) -> None:
        """Have who waits wait for nobody else, as far as round trips may begin."""
        while self._waiting and self._flying < FLIGHTS:
            batch: list[tuple[Asks, Look]] = []
            asked = watched = 0
            while self._waiting:
                look = self._waiting[0].look()
                asked, watched = asked + len(look.asked), watched + len(look.watched)
                if batch and (asked > MOST or watched > MOST_WATCHED):
                    break
                batch.append((self._waiting.popleft(), look))
            self._flying += 1
            _Trip(self, batch).go_on()

    def landed(self, requests: int, reading: Reading | Exception) -> None:
        """A round trip for so many requests is over, and all are told."""
        self._flying -= 1
        if isinstance(reading, Reading):
            self._metrics.shared(requests, len(reading.nodes), reading.standing.number)
        if self._waiting:
            self._start_soon()

    def _lost(self, error: RedisError) -> None:
        if self._probe is None:
            log.warning("Redis does not answer, generations do: %s", error)
            self._probe = asyncio.get_running_loop().create_task(self._until_back())

    async def _until_back(self) -> None:
        while True:
            await asyncio.sleep(PROBE_S)
            try:
                await self._redis.get(overlay.LIVE)
            except RedisError:
                continue
            log.info("Redis answers again")
            self._probe = None
            return


class _Trip:
    """Those who share a round trip, or several where readers move meanwhile, until all are told."""

    __slots__ = ("_batch", "_shared", "_steps")

    def __init__(self, shared: Shared, batch: list[tuple[Asks, Look]]) -> None:
        self._shared = shared
        self._batch = batch
        self._steps = looked(shared.generations, _together([look for _, look in batch]))

    def go_on(self, reply: Sequence[Any] | None = None) -> None:
        """Begin, or go on with the script's reply: None where Redis is away."""
        try:
            # A generator is begun with None, too.
            self._shared.ask(self._steps.send(reply), self.go_on)
        except StopIteration as done:
            self._land(cast("Reading", done.value))
        except Exception as error:  # noqa: BLE001 - whoever asked is told
            self._land(error)

    def _land(self, reading: Reading | Exception) -> None:
        asked = watched = 0
        for asks, look in self._batch:
            try:
                asks.told(reading, asked, watched)
            except Exception:
                # Nobody else is to be harmed.
                log.exception("one who asked could not be told")
            asked += len(look.asked)
            watched += len(look.watched)
        self._shared.landed(sum([asks.requests for asks, _ in self._batch]), reading)


class _Waits:
    """One who waits."""

    requests: Final = 1

    def __init__(self, look: Look) -> None:
        self.future: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        self._look = look

    def look(self) -> Look:
        return self._look

    def told(self, reading: Reading | Exception, asked: int, watched: int) -> None:
        if self.future.done():
            return  # whoever asked has gone
        if isinstance(reading, Reading):
            self.future.set_result(reading.part(self._look, asked, watched))
        else:
            self.future.set_exception(reading)


def _together(looks: Sequence[Look]) -> Look:
    if len(looks) == 1:
        return looks[0]
    return Look(
        [one for look in looks for one in look.asked], [key for look in looks for key in look.watched]
    )
