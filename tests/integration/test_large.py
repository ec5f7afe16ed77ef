"""What the rules cannot keep small: a chain, a bot and a shared device, on real servers."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deploy.awaiting import until
from schemas import overlay
from tests.integration.system import simulate

RULES = """
identifiers:
  login:  {rank: 1, unique: true}
  email:  {rank: 2, max: 3}
  cookie: {rank: 3, max: 5}
"""

CHAIN = 3_000
CROWD = 3_000

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def lines():
    """Addresses chained by cookies, cookies of one login, logins of one cookie; none of them a customer's.

    The last two make the chain longer by one.
    """
    seen = []
    for i in range(CHAIN):
        seen += links_of_chain(i)
    for i in range(CROWD):
        seen += [{"login": "bot", "cookie": f"b{i}"}, {"login": f"guest{i}", "cookie": "kiosk"}]
    seen += links_of_chain(CHAIN)
    return [
        json.dumps({"event_id": f"e{i}", "occurred_at": moment(i), "identifiers": identifiers}).encode()
        for i, identifiers in enumerate(seen)
    ]


def links_of_chain(i):
    return [{"email": f"m{i}", "cookie": f"k{i}"}, {"email": f"m{i + 1}", "cookie": f"k{i}"}]


def moment(i):
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=i)).isoformat()


def test_chain_bot_and_kiosk_come_to_the_reference(system, tmp_path):
    system.start_worker()
    sent = lines()
    half = len(sent) // 4
    system.send(sent[:half])
    system.await_applied()
    system.send(sent[half:-2])
    system.await_applied()
    # Who is given up so that the newest fits belongs to the one before, and so on.
    system.send(sent[-2:])
    until(lambda: system.redis.exists(overlay.LEASE), "the side lane to begin")
    system.await_applied()
    assert set(system.export().values()) == simulate(RULES, sent, tmp_path)
    assert not system.redis.exists(overlay.pending_key(0))
    # Nothing that an event reads or writes grows with the crowd or the chain.
    nodes = list(system.redis.scan_iter(match=b"*:[nc]default*"))
    assert max(system.redis.strlen(key) for key in nodes) < 20_000
    until(lambda: not system.redis.exists(overlay.LEASE), "the side lane to end", deadline=30)
