"""`--as-of`: the moment at which ages are judged."""

import pytest

from tests.cli.lines import RULES, line, members, partition

OLD = line(1, at="2026-01-01T00:00:00Z", crm="Tom", cookie="x")
TOGETHER = partition("crm:Tom cookie:x")
APART = partition("crm:Tom")
REASON = "expired: unseen for longer than the max_age of cookie"


@pytest.mark.parametrize(
    ("moment", "found"),
    [
        ("2026-01-31T00:00:00Z", TOGETHER),
        ("2026-01-31T00:00:00.000001Z", APART),
        ("2026-01-31T02:00:00+02:00", TOGETHER),
        ("2026-01-31T00:00:00-00:01", APART),
        ("2020-01-01T00:00:00Z", TOGETHER),
    ],
)
def test_a_link_expires_by_the_moment_given(ucid, moment, found):
    output = ucid.simulated(RULES, OLD, options=["--as-of", moment])
    assert members(output) == found
    expired = [{"type": "cookie", "value": "x", "reason": REASON}]
    assert output["quarantined"] == ([] if found == TOGETHER else expired)


@pytest.mark.parametrize(
    ("at", "found"), [("2026-01-31T00:00:00Z", TOGETHER), ("2026-02-01T00:00:00Z", APART)]
)
def test_without_it_the_newest_event_is_now(ucid, at, found):
    newest = line(2, at=at, email="someone@example.com")
    for lines in ([OLD, newest], [newest, OLD]):
        assert members(ucid.simulated(RULES, *lines)) == found | partition("email:someone@example.com")


def test_a_link_expires_where_both_ends_are_seen_since(ucid):
    again = line(2, at="2026-03-01T00:00:00Z", cookie="x")
    output = ucid.simulated(RULES, OLD, again)
    assert members(output) == partition("crm:Tom", "cookie:x")
    assert [link["reason"] for link in output["rejected_links"]] == [
        "expired: the link was unseen for longer than max_age"
    ]
    assert output["quarantined"] == []


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("yesterday", "'yesterday' is no time: write it as 2026-01-31T12:00:00Z"),
        ("2026-02-30T00:00:00Z", "is no time"),
        ("", "is no time"),
        ("2026-01-31T12:00:00", "has no time zone: add Z or an offset"),
        ("2026-01-31", "has no time zone"),
    ],
)
def test_a_moment_that_is_none(ucid, refused, moment, told):
    rules = ucid.write("rules.yaml", RULES)
    assert told in refused("simulate", rules, "-", "--as-of", moment)
