"""What records state: withdrawals last, grants are as good as their record, all is remembered."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_layer import consents
from batch_layer.record_consents import Version, all_statements, of_versions, words
from batch_layer.silver import key_of
from batch_layer.tables import TABLES
from identity import Identifier, rulefile
from identity.consent import Statement, changes, claim, kept, permission
from identity.facts import FUTURE, PAST
from identity.normalise import SEPARATOR
from identity.tombstones import Tombstones
from schemas import records
from tests.batch.test_consents import BRONZE
from tests.graph.published import publish

RULES = rulefile.parse("""
identifiers:
  crm:   {rank: 1, unique: true}
  email: {rank: 2, normalise: email}
match_keys:
  person: {rank: 3, from: [surname, born]}
""")
NOW = 1_767_312_000_000_000
HOUR = 3_600_000_000
ADS, NEWS = permission("ads"), permission("news", "email")
ANN, BOB = Identifier("email", "ann@x.org"), Identifier("email", "bob@x.org")
CRM = Identifier("crm", "1")


def granted(at, load=1, **more):
    return Statement(at, withdrawn=False, source="crm", proof="1", ingested_at=load, **more)


def withdrawn(at, load=1):
    return Statement(at, withdrawn=True, source="crm", proof="1", ingested_at=load)


def told(*versions):
    return set(words(versions))


def test_a_grant_ends_with_the_version_that_says_it():
    silent = Version([CRM, ANN], {}, 200)
    assert told(Version([ANN], {ADS: granted(1)}, 100)) == {(ANN, ADS, granted(1), False)}
    ended = granted(1)._replace(valid_until=200)
    assert told(Version([ANN], {ADS: granted(1)}, 100), silent) == {(ANN, ADS, ended, True)}
    # One that had ended before is left as it was, and one that is said of another says nothing of this one.
    early = granted(1, valid_until=150)
    assert told(Version([ANN], {ADS: early}, 100), silent) == {(ANN, ADS, early, True)}
    assert told(Version([ANN], {ADS: granted(1)}, 100), Version([BOB], {ADS: granted(2, 2)}, 200)) == {
        (ANN, ADS, ended, True),
        (BOB, ADS, granted(2, 2), False),
    }


def test_a_withdrawal_outlives_its_version_and_its_record():
    word = (ANN, ADS, withdrawn(1), False)
    first = Version([ANN], {ADS: withdrawn(1)}, 100)
    assert told(first, Version([ANN], {}, 200)) == {word}
    assert told(first, Version([], {}, 200, ended=True)) == {word}
    again = granted(5, 2)
    assert told(first, Version([ANN], {ADS: again}, 200)) == {word, (ANN, ADS, again, False)}


def test_a_later_withdrawal_counts_also_where_its_source_dates_it_before_the_grant():
    said = told(Version([ANN], {ADS: granted(5)}, 100), Version([ANN], {ADS: withdrawn(3, 2)}, 200))
    assert said == {
        (ANN, ADS, granted(5)._replace(valid_until=200), True),
        (ANN, ADS, withdrawn(3, 2), False),
    }


def test_what_is_only_repeated_was_said_once():
    same = [Version([ANN], {ADS: granted(1, load)}, load * 100) for load in (1, 2, 3)]
    assert told(*same) == {(ANN, ADS, granted(1, 1), False)}
    # Said anew at another moment it is history, and has not ended meanwhile.
    assert told(same[0], Version([ANN], {ADS: granted(7, 2)}, 200)) == {
        (ANN, ADS, granted(1, 1), True),
        (ANN, ADS, granted(7, 2), False),
    }


_MOMENTS = st.integers(1, 4)
_WORDS = st.one_of(
    st.builds(granted, _MOMENTS),
    st.builds(granted, _MOMENTS, valid_until=_MOMENTS),
    st.builds(withdrawn, _MOMENTS),
)
_SAID = st.dictionaries(st.sampled_from([ADS, NEWS]), _WORDS)
_SAYING = st.builds(
    Version, st.lists(st.sampled_from([CRM, ANN, BOB]), unique=True), _SAID, st.just(0), st.just(False)
)
_LEFT = st.dictionaries(st.sampled_from([ADS, NEWS]), st.builds(withdrawn, _MOMENTS))
_END = st.builds(
    Version, st.lists(st.sampled_from([CRM, ANN]), unique=True), _LEFT, st.just(0), ended=st.just(True)
)


@st.composite
def histories(draw):
    """Versions of one record, each loaded later than the one before."""
    some = draw(st.lists(st.one_of(_SAYING, _SAYING, _END), min_size=1, max_size=6))
    return [
        version._replace(
            loaded_at=load * 100,
            claims={about: word._replace(ingested_at=load) for about, word in version.claims.items()},
        )
        for load, version in enumerate(some, 1)
    ]


def bare(word):
    return word._replace(ingested_at=0)


@given(histories())
def test_of_grants_those_of_the_last_version_count_of_withdrawals_all_and_history_has_every_word(versions):
    said = list(words(versions))
    assert len(said) == len({(x, about, word) for x, about, word, _ in said})
    counts = {(x, about, bare(word)) for x, about, word, former in said if not former}
    every = {(x, about, bare(word)) for v in versions for x in v.about for about, word in v.claims.items()}
    last = {(x, about, bare(word)) for x in versions[-1].about for about, word in versions[-1].claims.items()}
    assert counts == last | {one for one in every if one[2].withdrawn}
    assert {(x, about, word.at, word.withdrawn) for x, about, word, _ in said} == {
        (x, about, word.at, word.withdrawn) for x, about, word in every
    }
    for x, about in {(x, about) for x, about, _ in every}:
        grants = [w for z, on, w, _ in said if (z, on) == (x, about) and not w.withdrawn]
        if grants and not any((z, on) == (x, about) and not w.withdrawn for z, on, w in last):
            until = max(grants, key=lambda word: (word.ingested_at, -word.valid_until)).valid_until
            assert until <= versions[-1].loaded_at, "it has ended"


@given(histories())
def test_what_comes_after_an_end_adds_to_what_was_before_it(versions):
    """So a run over what is new, and one over everything, come to the same."""
    for cut in (i for i, version in enumerate(versions, 1) if version.ended):
        assert told(*versions) == told(*versions[:cut]) | told(*versions[cut:])


def state(purpose, status, at=None, until=None, proof="", channel=""):
    return (purpose, channel, "", "", status, at, None, until, proof)


def rows(rng):
    """Versions of records as their table has them: some end, some are of types without a rule."""
    load = 0
    for record in range(1, 41):
        ended = True
        for _ in range(rng.randrange(1, 5)):
            load += 1
            at = rng.choice([None, NOW + rng.randrange(9) * HOUR])
            ends = not ended and rng.random() < 0.3
            named = {"crm": [f"{record}"], "email": [f"M{rng.randrange(6)}@x.org"]}
            named |= {"shoe": ["42"]} if rng.random() < 0.1 else {}
            born = {"surname": f"s{record}", "born": "1970"} if rng.random() < 0.5 else None
            some = [
                state(purpose, "withdrawn" if ends else status, rng.choice([None, NOW]), until, proof)
                for purpose in ("ads", "News ")
                for status in (rng.choice(["granted", "withdrawn"]),)
                for until, proof in (
                    (None if ends or status == "withdrawn" else NOW + 99 * HOUR, rng.choice(["", "f7"])),
                )
                if rng.random() < 0.6
            ]
            yield (
                load, "default", "crm", f"r{record}", at, NOW + load * HOUR,
                "deleted" if ends else None, "hash", named, born, some if rng.random() < 0.9 else None,
            )  # fmt: skip
            ended = ends


def by_one(table):
    """What counts, record by record: (key, permission) to statements, without when they were taken in."""
    held, versions = {}, {}
    for row in table:
        versions.setdefault(row[3], []).append(row)
    for record, of_record in versions.items():
        for i, (_, tenant, source, _, at, loaded, _, _, named, born, stated) in enumerate(of_record):
            if "shoe" in named:
                continue
            about = [Identifier("crm", named["crm"][0]), Identifier("email", named["email"][0].lower())]
            if born:
                about.append(Identifier("person", SEPARATOR.join((born["surname"], born["born"]))))
            for purpose, channel, _, _, status, said_at, _, until, proof in stated or ():
                if status == "granted" and i < len(of_record) - 1:
                    continue
                moment = said_at or at or loaded
                word = Statement(
                    moment, status == "withdrawn", PAST, until or FUTURE, source, proof or record, 0
                )
                for x in about:
                    held.setdefault((key_of(tenant, x), permission(purpose, channel)), set()).add(word)
    return held


@pytest.fixture(scope="module")
def table():
    return list(rows(random.Random(4)))


@pytest.fixture(scope="module")
def said(spark, table):
    frame = spark.createDataFrame(table, TABLES["bronze/records"].ddl)
    nothing = spark.createDataFrame([], BRONZE)
    return all_statements(nothing, frame, RULES).persist()


@pytest.mark.stack
@pytest.mark.slow
def test_spark_counts_what_the_obvious_code_counts(said, table):
    found = {}
    for row in said.where("NOT former").collect():
        word = Statement(row.at, row.withdrawn, row.valid_from, row.valid_until, row.source, row.proof, 0)
        key = row.x, permission(row.purpose, row.channel, row.brand, row.locale)
        found.setdefault(key, set()).add(word)
    expected = by_one(table)
    assert {key[0].split("\0")[1] for key in expected} == {"crm", "email", "person"}
    assert found == expected
    assert said.where("former").count() > 20


@pytest.mark.stack
@pytest.mark.slow
def test_entries_hold_what_counts_and_tell_what_was_said(spark, said, tmp_path):
    entries = [(bytes(row.key), bytes(row.value)[1:]) for row in consents.entries(said).collect()]
    generation = publish(tmp_path, entries)
    every, held = {}, {}
    for row in said.collect():
        about = permission(row.purpose, row.channel, row.brand, row.locale)
        word = Statement(
            row.at, row.withdrawn, row.valid_from, row.valid_until, row.source, row.proof, row.ingested_at
        )
        every.setdefault(row.x, []).append((about, word))
        if not row.former:
            claim(held.setdefault(row.x, {}), about, word)
    assert len(entries) == len(every) + len(held)
    assert set(every) > set(held), "of some all that was granted is history"
    for x, history in every.items():
        tenant, type_, value = x.split("\0")
        keys = [kind(tenant, Identifier(type_, value)) for kind in (records.claims_key, records.history_key)]
        read = generation.get(keys)
        assert dict(records.decode_claims(read.get(keys[0], records.encode_claims([])))) == kept(
            held.get(x, {})
        )
        assert records.decode_claims(read[keys[1]]) == changes(history)
    members = spark.createDataFrame([(x, "c_one") for x in every], "x STRING, customer STRING")
    tables = consents.tables(said, members)
    silver = tables["silver/consents"]
    assert consents.known(silver).exceptAll(said).isEmpty()
    before = consents.known(silver.drop("former")).where("former").count()
    assert before == 0, "a table from before there were consents of records has no history alone"
    words_ = {row.purpose: row.status for row in tables["gold/consents"].collect()}
    assert words_ == {"ads": "withdrawn", "news": "withdrawn"}


@pytest.mark.stack
@pytest.mark.slow
def test_the_word_of_who_is_erased_is_gone_and_the_others_keep_theirs(spark):
    named = {"crm": ["1"], "email": ["ann@x.org"]}
    said = ("hash", named, None, [state("ads", "granted")])
    rows = [
        (1, "default", "crm", "r1", None, NOW, None, *said),
        (2, "default", "crm", "r2", NOW - HOUR, NOW + HOUR, None, *said),  # a late file
        (3, "default", "crm", "r3", None, NOW + HOUR, None, *said),  # somebody new
    ]
    erased = Tombstones(b"k" * 32)
    erased.add([erased.digest(ANN)], NOW)
    frame = spark.createDataFrame(rows, TABLES["bronze/records"].ddl)
    left = of_versions(frame, RULES, {"default": erased}).collect()
    assert {(row.x, row.proof) for row in left} == {(key_of("default", x), "r3") for x in (CRM, ANN)}
