"""The catalogue: what each source feeds, counted as the obvious code counts it."""

import pytest

from batch_layer.catalogue import Catalogue, catalogue
from deploy.commands.catalogue import lines
from schemas import EMAIL, WEB
from tests.batch.landing import START, Landing

RULES = """
identifiers:
  login: {rank: 1}
  email: {rank: 2, normalise: email}
match_keys:
  person: {rank: 3, from: [surname]}
profile:
  surname: {sources: [web]}
  spent:   {rule: sum, personal: false}
"""


def event(i, **more):
    return {"event_id": f"e{i}", "occurred_at": "2026-01-01T00:00:00Z", **more}


@pytest.mark.slow
@pytest.mark.stack
def test_every_source_is_told_with_what_it_feeds(spark, tmp_path):
    landing = Landing(spark, tmp_path, RULES)
    messages = [
        (WEB, event(1, identifiers={"login": ["a", "null"]}, properties={"surname": "x", "spent": "3"})),
        (WEB, event(2, identifiers={"email": "no address"}, properties={"spent": "much", "size": "L"})),
        (WEB, event(3, kind="profile_update", identifiers={"login": "a"}, properties={"surname": "y"})),
        (WEB, event(4, identifiers={"shoe": "42"})),
        (EMAIL, event(5, tenant="other", identifiers={"email": "a@example.com"})),
        (WEB, {"no": "event"}),
    ]
    landing.land(messages)
    found = catalogue(landing.job)
    assert (found.generation, len(found.sources)) == (0, 4)
    by_source = {
        (source.tenant, source.name): (
            (source.said, source.wrong, source.newest - START),
            {
                fed.name: (fed.used, fed.personal, fed.said, fed.wrong)
                for fed in (*source.identifiers, *source.attributes)
            },
        )
        for source in found.sources
    }
    assert by_source == {
        ("", "web"): ((1, 1, 5_000), {}),
        ("default", "web"): (
            (3, 1, 3_000),
            {
                "login": (["identifier"], True, 2, 1),
                "email": (["identifier"], True, 1, 1),
                "surname": (["profile", "match key"], True, 1, 0),
                "spent": (["profile"], False, 2, 1),
                "size": (["none"], None, 1, 0),
            },
        ),
        ("default", "self_service"): (
            (1, 0, 2_000),
            {"login": (["identifier"], True, 1, 0), "surname": (["match key"], True, 1, 0)},
        ),
        ("other", "email"): ((1, 0, 4_000), {"email": (["identifier"], True, 1, 0)}),
    }
    text = "\n".join(lines(found, (START + 3 * 3_600_000_000) * 1_000))
    assert "web of default: 3 taken in, 1 refused, last 2 hours ago" in text
    assert "not personal" in text
    assert not any(value in f"{text}{found}" for value in ("no address", "much", "a@example"))


def test_without_events_there_is_no_source():
    empty = Catalogue(generation=3, fingerprint="f", sources=[])
    assert lines(empty, 0) == ["rules f, of generation 3"]
