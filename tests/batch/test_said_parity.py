"""What is said of identifiers, compared: what both say alike, and each cause of a difference."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_layer import said_parity
from batch_layer.parity import NEWER, RECORDS, UNEXPLAINED, Parity
from batch_layer.said_parity import Said
from batch_layer.silver import key_of
from identity import Identifier, rulefile
from identity.consent import Statement, permission
from identity.profile import Claim, merged
from schemas import records
from schemas.claims import encode_registers, profile_key

RULES = rulefile.parse("identifiers: {login: {rank: 1}}\nprofile: {town: {}, spent: {rule: sum}}")
CLAIMS = (
    "x STRING, attribute STRING, source STRING, record STRING, at BIGINT, value STRING, fault STRING, "
    "ingested_at BIGINT"
)
STATEMENTS = (
    "x STRING, purpose STRING, channel STRING, brand STRING, locale STRING, at BIGINT, withdrawn BOOLEAN, "
    "valid_from BIGINT, valid_until BIGINT, source STRING, proof STRING, ingested_at BIGINT, "
    "former BOOLEAN"
)
ADS = permission("ads")

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def x_of(login):
    return key_of("default", Identifier("login", login))


def row(login, value, record="e1", attribute="town"):
    return (x_of(login), attribute, "web", record, 5, value, None, 6)


def register(*rows):
    """What readers are told where these rows were claimed."""
    some = [{attribute: (Claim(at, value, *where, 6),)} for _, attribute, *where, at, value, _, _ in rows]
    return encode_registers(merged(RULES, *some)) if some else None


def word(login, statement):
    return (x_of(login), *ADS, *statement, False)


def statements(*some):
    return records.encode_claims([(ADS, statement) for statement in some]) if some else None


@pytest.fixture
def compare(spark, tmp_path):
    def compare(old, new, heard, causes=(), live=("tom", "ann", "zoe")):
        sides = tuple(
            Said(spark.createDataFrame(claims, CLAIMS), spark.createDataFrame(said, STATEMENTS))
            for claims, said in (old, new)
        )
        columns = [pa.array([one[i] for one in heard], pa.binary()) for i in range(3)]
        pq.write_table(pa.table(columns, ["key", "stream", "below"]), tmp_path / "heard.parquet")
        xs = {name: spark.createDataFrame([(x_of(x),)], "x STRING") for name, x in causes}
        rows = spark.createDataFrame([(x_of(x),) for x in live], "x STRING")
        return said_parity.compare(
            spark, tmp_path / "heard.parquet", sides, (RULES, RULES), rows, xs, UNEXPLAINED
        )

    return compare


def key(login):
    return profile_key("default", Identifier("login", login))


def claims_key(login):
    return records.claims_key("default", Identifier("login", login))


def test_what_both_say_agrees_and_what_only_one_says_has_a_cause_or_is_a_fault(compare):
    bath, york, rome = row("tom", "Bath"), row("ann", "York"), row("zoe", "Rome")
    spent = [row("tom", "3", f"e{i}", "spent") for i in (2, 3)]
    granted, withdrawn = Statement(1, withdrawn=False), Statement(2, withdrawn=True)
    old = ([bath], [word("tom", granted)])
    new = ([bath, *spent, york, rome], [word("tom", granted), word("tom", withdrawn), word("ann", granted)])
    heard = [
        (key("tom"), register(bath, *spent), register(bath)),
        (claims_key("tom"), statements(withdrawn), statements(granted)),
        (key("nobody"), register(york), register(york)),  # heard again, and nothing new
        (claims_key("zoe"), statements(granted), None),
    ]
    found = compare(old, new, heard, [(RECORDS, "ann"), (NEWER, "zoe")])
    assert found == (7, {RECORDS: 2, NEWER: 2})
    assert compare(old, new, heard, [(NEWER, "zoe")]) == (7, {UNEXPLAINED: 2, NEWER: 2})
    # Of whom nobody is told anything, nothing is compared.
    assert compare(old, new, heard, live=("tom",)) == (3, {})


def test_a_word_that_the_stream_lost_is_a_fault(compare):
    bath, york = row("tom", "Bath"), row("tom", "York", "e2")
    count, causes = compare(([bath], []), ([bath, york], []), [(key("tom"), register(bath), register(bath))])
    assert (count, causes) == (1, {UNEXPLAINED: 1})
    parity = Parity(compared=5, differing=0, said=count, said_causes=causes)
    assert not parity.holds
    assert "parity of profiles, segments and consents: 1 compared, 1 differ" in parity.lines()
