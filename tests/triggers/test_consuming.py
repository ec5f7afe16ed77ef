"""What is committed was handled, and what was not is read again, whatever a rebalance interrupts."""

import asyncio
from types import SimpleNamespace

from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from speed_layer.triggers.consuming import App

AT = TP("t", 0)
AWAY = TP("t", 1)


class Broker:
    """Stands for Faust's thread that talks to one: a log of some offsets, and where a group is in it."""

    def __init__(self, offsets, together=4):
        self.log = list(offsets)
        self.together = together
        self.position = 0
        self.committed = None

    async def getmany(self, active, timeout):  # noqa: ASYNC109 - Faust's
        assert (timeout, active) == (1.0, {AT})
        await asyncio.sleep(0)
        found = [offset for offset in self.log if offset >= self.position][: self.together]
        if found:
            self.position = found[-1] + 1
        return {AT: [record(offset) for offset in found]} if found else {}

    async def seek_to_committed(self):
        await asyncio.sleep(0)
        if self.committed:
            self.position = self.committed
        return {AT: self.committed}

    async def seek_to_beginning(self, at):
        assert at == AT
        self.position = 0

    def highwater(self, at):
        assert at == AT
        return self.log[-1] + 1


def record(offset):
    empty = dict.fromkeys(
        ("timestamp", "timestamp_type", "headers", "key", "checksum", "serialized_key_size"), None
    )
    return SimpleNamespace(topic="t", partition=0, offset=offset, value=b"", serialized_value_size=0, **empty)


class Group:
    """One consumer on a broker, what it has handed on, and which of that is done."""

    def __init__(self, broker):
        app = App("test", broker="kafka://127.0.0.1:1")
        app.topics.acks_enabled_for = lambda topic: topic == "t"
        self.broker = broker
        self.consumer = app.transport.create_consumer(
            callback=self._quiet, on_partitions_revoked=self._quiet, on_partitions_assigned=self._quiet
        )
        self.consumer._thread.thread_loop.close()
        self.consumer._thread = broker
        self.consumer._commit_offsets = self._commit_offsets
        self.consumer._set_active_tps({AT})
        self.messages = []
        self.done = set()
        self._fetched = None

    async def _quiet(self, *_):
        pass

    async def _commit_offsets(self, offsets, start_new_transaction=True):
        (self.broker.committed,) = offsets.values()
        self.consumer._committed_offset.update(offsets)
        return start_new_transaction

    async def hand_on(self, count):
        """So many messages, if there are as many; those that are left of a fetch come first."""
        for _ in range(count):
            for _ in range(2):
                self._fetched = self._fetched or self.consumer.getmany(1.0)
                found = await anext(self._fetched, None)
                if found is not None:
                    self.messages.append(found[1])
                    break
                self._fetched = None

    async def handle(self, message):
        self.done.add(message.offset)
        self.consumer.ack(message)

    async def commit(self):
        await self.consumer.commit()
        assert {x for x in self.broker.log if x < (self.broker.committed or 0)} <= self.done


def run(offsets, steps):
    async def go():
        group = Group(Broker(offsets))
        await steps(group)
        return group

    return asyncio.run(go())


def test_what_is_committed_ends_before_the_first_that_is_not_done():
    async def steps(group):
        await group.hand_on(6)
        for i in (0, 1, 3, 4):
            await group.handle(group.messages[i])
        await group.commit()
        assert group.broker.committed == 2
        await group.handle(group.messages[2])
        await group.commit()

    assert run(range(10), steps).broker.committed == 5


def test_a_hole_in_the_log_is_passed_over_with_the_message_behind_it():
    async def steps(group):
        await group.hand_on(3)
        for message in group.messages[:2]:
            await group.handle(message)
        await group.commit()
        assert group.broker.committed == 2
        await group.handle(group.messages[2])
        await group.commit()

    assert run([0, 1, 500, 501], steps).broker.committed == 501


def test_what_was_fetched_before_a_seek_is_not_handed_on_after_it_but_comes_again():
    async def steps(group):
        await group.hand_on(2)
        await group.handle(group.messages[0])
        await group.commit()
        await group.hand_on(1)  # of four that were fetched
        await group.consumer.perform_seek()
        await group.hand_on(4)
        assert [message.offset for message in group.messages] == [0, 1, 2, 1, 2, 3, 4]
        # Whoever was still at work when it sought counts for nothing: he may have been interrupted.
        for message in group.messages[1:3]:
            await group.handle(message)
        await group.commit()
        assert group.broker.committed == 1
        for message in group.messages[3:]:
            await group.handle(message)
        await group.commit()

    assert run(range(10), steps).broker.committed == 5


def test_where_nothing_was_committed_it_begins_at_the_beginning():
    async def steps(group):
        await group.hand_on(3)
        await group.consumer.perform_seek()
        await group.hand_on(1)

    assert [message.offset for message in run(range(10), steps).messages] == [0, 1, 2, 0]


def test_nothing_is_fetched_while_it_seeks():
    async def steps(group):
        seeking = asyncio.create_task(group.consumer.perform_seek())
        await asyncio.sleep(0)
        await asyncio.gather(group.hand_on(4), seeking)
        for message in group.messages:
            await group.handle(message)
        await group.commit()

    group = run(range(4), steps)
    assert [message.offset for message in group.messages] == [0, 1, 2, 3]
    assert group.broker.committed == 4


def test_of_what_is_taken_away_nothing_is_committed():
    async def steps(group):
        await group.hand_on(2)
        await group.consumer.on_partitions_revoked({AT, AWAY})
        for message in group.messages:
            await group.handle(message)
        await group.commit()

    assert run(range(4), steps).broker.committed is None


STEPS = st.one_of(
    st.tuples(st.just("hand on"), st.integers(1, 5)),
    st.tuples(st.just("handle"), st.integers(0, 50)),
    st.tuples(st.sampled_from(["seek", "commit"]), st.just(0)),
)


@given(st.sets(st.integers(0, 30), min_size=1), st.lists(STEPS, max_size=60))
def test_nothing_is_lost_whatever_comes_between(offsets, some):
    async def steps(group):
        for what, how in some:
            if what == "hand on":
                await group.hand_on(how)
            elif what == "handle" and group.messages:
                await group.handle(group.messages[how % len(group.messages)])
            elif what == "seek":
                await group.consumer.perform_seek()
            elif what == "commit":
                await group.commit()
        await group.hand_on(len(offsets) + 1)
        for message in group.messages:
            await group.handle(message)
        await group.commit()

    assert run(sorted(offsets), steps).broker.committed == max(offsets) + 1
