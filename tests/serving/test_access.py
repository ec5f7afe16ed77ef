"""Keys and budgets: rotation without a gap, and guessing that ends soon."""

import pytest

from deploy.commands.keys import rotated
from deploy.errors import InputError
from serving_layer.access.budget import Budget
from serving_layer.access.keys import KeyRing, new_secret
from tests.serving.client import Clock, asked


def test_a_secret_is_kept_as_a_hash_only(served):
    secret = served.key()
    assert secret not in served.keys.read_text()
    assert secret.startswith("ucid_")
    assert len(secret) > 45


def test_a_key_is_rotated_without_a_gap(served):
    old, new = served.key("lookup"), new_secret()
    now = int(served.clock.now)
    (key,) = served._listed
    served.write_keys(rotated(key, new, now, grace=100))
    assert [served.lookup(key=secret).status for secret in (old, new)] == [200, 200]
    served.clock.now = now + 99
    assert [served.lookup(key=secret).status for secret in (old, new)] == [200, 200]
    served.clock.now = now + 100
    assert [served.lookup(key=secret).status for secret in (old, new)] == [401, 200]


def test_a_third_secret_is_refused_while_two_are_valid(served):
    served.key()
    (key,) = served._listed
    now = int(served.clock.now)
    twice = rotated(key, new_secret(), now, grace=100)
    with pytest.raises(InputError, match="has 2 secrets that are valid"):
        rotated(twice, new_secret(), now + 50, grace=100)
    assert len(rotated(twice, new_secret(), now + 100, grace=100).secrets) == 2


def test_budgets_outlive_a_rotation(served):
    old = served.key("lookup", unknown=5)
    assert served.lookup(*[("login", f"guess{i}") for i in range(5)], key=old).status == 200
    new = new_secret()
    served.write_keys(rotated(served._listed[0], new, int(served.clock.now), grace=100))
    assert served.lookup(("login", "tom"), key=new).status == 429


def test_a_file_of_keys_that_is_damaged_leaves_the_keys_from_before(served):
    key = served.key("lookup")
    assert served.lookup(key=key).status == 200
    served.keys.write_text("{")
    served.clock.now += 2
    assert served.lookup(key=key).status == 200


def test_keys_may_come_later(tmp_path):
    assert KeyRing(tmp_path / "none.json").find("ucid_x") is None


@pytest.mark.parametrize("together", [1, 7, 1_000])
def test_a_hundred_thousand_guesses_end_within_a_thousand(served, together):
    key = served.key("lookup", unknown=1_000)
    told = 0
    for start in range(0, 3_000, together):
        guesses = [("email", f"guess{i}@example.com") for i in range(start, start + together)]
        # From another address each time, as far as the server could see one.
        headers = [("x-forwarded-for", f"10.0.{start % 256}.1")]
        answer = served.ask("POST", "/v1/lookup", asked(*guesses), key, headers)
        told += len(answer.json()["results"]) if answer.status == 200 else 0
    assert 1_000 - together < told <= 1_000
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) > 0
    # Nor is anybody told who is known.
    assert served.lookup(("login", "tom"), key=key).body == answer.body
    assert served.lookup(("login", "tom"), key=served.key("lookup")).status == 200


def test_what_would_go_beyond_is_refused_whole(served):
    key = served.key("lookup", unknown=10)
    guesses = [("login", f"guess{i}") for i in range(11)]
    answer = served.lookup(("login", "tom"), *guesses, key=key)
    assert answer.status == 429
    assert "c_" not in answer.text


def test_ids_are_guessed_no_better(served):
    key = served.key("read", unknown=10)
    statuses = [served.ask("GET", f"/v1/customers/c_{i:026d}", key=key).status for i in range(20)]
    assert statuses == [404] * 10 + [429] * 10


def test_a_rate_is_kept_to(served):
    key = served.key("lookup", rate=100)
    many = [("login", "tom")] * 1_000
    assert [served.lookup(*many, key=key).status for _ in range(2)] == [200, 429]


def test_a_budget_fills_with_time():
    clock = Clock()
    budget = Budget(10, 2.0, clock)
    assert budget.take(10)
    assert not budget.take(1)
    assert budget.wait(4) == 2.0
    clock.now += 2
    assert budget.take(4)
    assert not budget.take(1)
    clock.now += 1_000
    assert budget.take(10)
    assert not budget.has(1)
    assert Budget(1, 0.0, clock).wait(1) == 0.0
