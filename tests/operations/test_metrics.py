import random
import time
from collections import Counter

import pytest

from schemas import WEB, Malformed, decode
from speed_layer.errors import LostView
from speed_layer.metrics import Metrics
from speed_layer.refusals import CLASSES, refusal
from tests.operations.librdkafka import report
from tests.operations.told import letter, samples, told_of_everything


@pytest.fixture
def metrics():
    return Metrics()


def value(metrics, name, **labels):
    return samples(metrics).get((f"ucid_speed_{name}", tuple(sorted(labels.items()))))


def test_a_batch(metrics):
    metrics.batch(5_000, 0.03)
    metrics.accepted(WEB, "json", 4_998)
    metrics.accepted(WEB, "avro", 1)
    metrics.refused([letter("not JSON: ..."), letter("not UTF-8 (byte 3)"), letter("time zone")])
    assert value(metrics, "messages_total") == 5_000
    assert value(metrics, "events_total", topic=WEB, encoding="json") == 4_998
    assert value(metrics, "dead_letters_total", topic=WEB, reason="encoding") == 2
    assert value(metrics, "dead_letters_total", topic=WEB, reason="time") == 1
    assert value(metrics, "batch_seconds_bucket", le="0.025") == 0
    assert value(metrics, "batch_seconds_bucket", le="0.05") == 1


def test_how_long_until_visible(metrics):
    now = 1_000_000_000
    metrics.visible([now - 1_000, now - 5_000, now - 60_000, now + 1_000, now - 400_000_000], now)
    metrics.visible([], now)
    at = {
        le: value(metrics, "visible_seconds_bucket", le=le)
        for le in ("0.005", "0.05", "0.1", "300.0", "+Inf")
    }
    assert at == {"0.005": 3, "0.05": 3, "0.1": 4, "300.0": 4, "+Inf": 5}
    assert value(metrics, "visible_seconds_count") == 5
    assert value(metrics, "visible_seconds_sum") == pytest.approx(0.001 + 0.005 + 0.06 + 400)
    assert value(metrics, "applied_through_seconds") == 1_000.001


def test_a_batch_histogram_counts_like_prometheus_own():
    from prometheus_client import CollectorRegistry, Histogram

    from speed_layer.histogram import BatchHistogram

    bounds, rng = (0.1, 0.5, 1, 2), random.Random(1)
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    batch, single = (
        BatchHistogram("h", "what", bounds, ours),
        Histogram("h", "what", buckets=bounds, registry=theirs),
    )
    for _ in range(20):
        values = [rng.choice([*bounds, rng.uniform(0, 3)]) for _ in range(rng.randrange(50))]
        batch.add(Counter(values))
        for one in values:
            single.observe(one)
    found = {(s.name, *s.labels.values()): s.value for f in ours.collect() for s in f.samples}
    expected = {
        (s.name, *s.labels.values()): s.value
        for f in theirs.collect()
        for s in f.samples
        if not s.name.endswith("_created")
    }
    assert found == pytest.approx(expected)


def test_a_failure_is_known_by_its_name_alone(metrics):
    metrics.failed(LostView("ann@example.com"))
    metrics.failed(ConnectionError("ann@example.com"))
    assert value(metrics, "failures_total", error="LostView") == 1
    assert value(metrics, "failures_total", error="ConnectionError") == 1
    assert value(metrics, "views_lost_total") == 1
    assert "ann@example.com" not in str(samples(metrics))


def test_lag_is_that_of_our_partitions(metrics):
    told = metrics.statistics.of(7)
    told(
        report(
            partitions=[
                (WEB, 0, "active", 100, 60, 100),  # 60 taken, 40 fetched and waiting
                (WEB, 1, "active", 50, -1001, 50),  # nothing taken since we began at its end
                (WEB, 2, "none", 1_000, 10, 10),  # another worker's now
                (WEB, 3, "active", -1001, -1001, 0),  # nothing known yet
            ],
            rebalances=4,
        )
    )
    lag = {labels: n for (name, labels), n in samples(metrics).items() if name == "ucid_speed_lag_messages"}
    assert {dict(labels)["partition"]: n for labels, n in lag.items()} == {"0": 40, "1": 0}
    assert metrics.statistics.lag(7) == 40
    assert metrics.statistics.lag(8) == 0
    assert value(metrics, "rebalances_total", generation="7") == 4
    assert value(metrics, "kafka_up") == 1
    told(report(state="TRY_CONNECT"))
    assert value(metrics, "kafka_up") == 0


def test_redis_is_asked_when_scraped_and_may_be_away(server, redis):
    metrics = told_of_everything(redis)
    assert value(metrics, "redis_up") == 1
    assert value(metrics, "redis_memory_bytes") > 100_000
    assert value(metrics, "outbox_entries") == 0
    server.stop()
    try:
        assert value(metrics, "redis_up") == 0
        assert value(metrics, "redis_memory_bytes") is None
    finally:
        server.start()


def test_two_workers_in_a_process_share_nothing():
    one, other = Metrics(), Metrics()
    one.relayed(5)
    assert value(other, "changes_relayed_total") == 0


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"[]", "encoding"),
        (b"{", "encoding"),
        (b'{"a": "\xff"}', "encoding"),
        (b"\xc3\x01", "avro"),
        (b"{" + b" " * (1 << 21), "size"),
        (b'{"event_id": "e", "occurred_at": "2099-01-01T00:00:00Z", "identifiers": {}}', "time"),
        (b'{"event_id": "e", "occurred_at": "1970-01-01T00:00:00Z", "identifiers": {}}', "time"),
        (b'{"event_id": "e", "occurred_at": "2026-01-01T00:00:00"}', "time"),
        (b'{"event_id": "e", "occurred_at": "yesterday"}', "time"),
        (b'{"event_id": "e"}', "field"),
        (b'{"event_id": "", "occurred_at": "2026-01-01T00:00:00Z"}', "field"),
        (b'{"event_id": "\\u0000", "occurred_at": "2026-01-01T00:00:00Z"}', "nul"),
        (
            b'{"event_id": "e", "occurred_at": "2026-01-01T00:00:00Z", "identifiers": {"a": "%s"}}'
            % (b"x" * 999),
            "too_long",
        ),
        (
            b'{"event_id": "e", "occurred_at": "2026-01-01T00:00:00Z", "identifiers": {"a": [%s"x"]}}'
            % (b'"x",' * 999),
            "too_many",
        ),
    ],
)
def test_reasons_have_classes(payload, expected):
    with pytest.raises(Malformed) as caught:
        decode(WEB, payload, 1_767_312_000_000_000)
    assert refusal(caught.value.reason) == expected
    assert expected in CLASSES


def test_a_batch_costs_little(metrics):
    """Beside the 50 ms that 5,000 events take at 100,000 a second."""
    now = time.time_ns() // 1_000
    appended = [now - i % 50 * 100 for i in range(5_000)]
    sizes = [1 + i % 7 for i in range(2_000)]

    def batch():
        begun = time.perf_counter()
        metrics.accepted(WEB, "json", 5_000)
        metrics.refused([])
        metrics.visible(appended, now)
        metrics.customers(sizes)
        metrics.hot([])
        metrics.relayed(0)
        metrics.batch(5_000, 0.05)
        metrics.turned(1)
        return time.perf_counter() - begun

    assert min(batch() for _ in range(20)) < 0.005
