"""The bytes of records and of their keys."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from identity import Customer, Identifier, Link, Minted, Seen, Verdict
from identity.facts import NO_SIGNS, NO_WORD, PAST, Failure, Signs, Word
from identity.graph import Edge, Far, IdRecord, Node
from identity.staleness import APART
from schemas import overlay, records

times = st.integers(-(2**63), 2**63 - 1)
texts = st.text(max_size=20)
identifiers = st.builds(Identifier, st.text("abc", min_size=1, max_size=4), texts)
sightings = st.builds(Seen, times, times, times)
# A verdict has a time; without one there is none.
decided = st.builds(Link, times, times, times, st.sampled_from(Verdict), st.integers(PAST + 1, 2**63 - 1))
seen_only = st.tuples(times, times, times).map(lambda moments: Link(*moments))
edges = st.builds(Edge, seen_only | decided, *[st.booleans()] * 3)
failures = st.lists(st.builds(Failure, times, texts), max_size=3).map(tuple)
words = st.just(NO_WORD) | st.builds(Word, times, st.booleans())
signs = st.builds(Signs, times, failures, words)
counts = st.integers(0, 2**31)
far = st.builds(Far, counts, counts, counts, st.none() | st.tuples(times, identifiers))
nodes = st.builds(
    Node,
    identifiers,
    sightings,
    st.dictionaries(identifiers, edges, max_size=4),
    fault=st.none() | texts,
    customer=texts,
    first=st.none() | identifiers,
    home=st.none() | texts,
    minted=st.integers(0, 2**31),
    far=st.dictionaries(st.text("abc", min_size=1, max_size=4), far, max_size=2),
    signs=signs,
)
stale_nodes = st.builds(
    Node,
    identifiers,
    sightings,
    signs=signs.filter(lambda s: s != NO_SIGNS),
    stale=times | st.just(APART),
)
customers = st.builds(
    Customer,
    texts,
    st.lists(identifiers, min_size=1, max_size=4).map(tuple),
    st.lists(texts, max_size=3).map(tuple),
)
id_records = st.builds(
    IdRecord,
    st.builds(Minted, st.integers(0, 2**31), times, identifiers, st.integers(0, 2**31)),
    st.lists(identifiers, max_size=4).map(tuple),
)
# Short ones too, of which one begins another.
tenants = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True) | st.text("ab", min_size=1, max_size=3)


@given(nodes | stale_nodes)
def test_nodes_come_back_as_they_were(node):
    read = records.decode_node(records.encode_node(node))
    assert read == node
    assert records.is_stale(records.encode_node(node)) == (node.stale not in {None, APART})
    assert records.is_apart(records.encode_node(node)) == (node.stale == APART)
    # Order decides what a script writes: it must not get lost either.
    assert list(read.edges) == list(node.edges)
    assert all(isinstance(edge.link.verdict, Verdict) for edge in read.edges.values())


def test_who_never_spoke_has_the_record_that_he_had_before_anybody_could():
    node = Node(Identifier("a", "b"), Seen(1, 1, 1), signs=Signs(7, (Failure(8, "hard_bounce"),)), stale=8)
    _, *rest = msgspec.msgpack.decode(records.encode_node(node)[records.DIGEST + 25 :])[2:]
    assert rest[-1] == [7, [[8, "hard_bounce"]], 8]
    assert msgspec.msgpack.decode(records.encode_signs(node.signs)) == [7, [[8, "hard_bounce"]]]


@given(identifiers, edges)
def test_far_links_come_back_as_they_were(other, edge):
    assert records.decode_far(records.encode_far(other, edge)) == (other, edge)


@given(customers)
def test_customers_come_back_as_they_were(customer):
    read = records.decode_customer(records.encode_customer(customer))
    assert read == customer
    assert all(isinstance(member, Identifier) for member in read.members)


@given(id_records)
def test_ids_come_back_as_they_were(record):
    read = records.decode_id(records.encode_id(record))
    assert read == record
    # Equal to a plain tuple is not enough: their order is by field.
    assert isinstance(read.minted.anchor, Identifier)


@given(nodes, tenants)
def test_a_node_says_where_its_customer_is(node, tenant):
    digest = records.customer_digest(records.encode_node(node))
    if node.first is None:
        assert digest == b""
    else:
        assert records.customer_key_of(tenant, digest) == records.customer_key(tenant, node.first)


ids = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26).map("c_".__add__)
# What may stand beside records of customers, some of which begins like one.
others = st.binary(max_size=60) | st.binary(max_size=60).map(b"\x93\xbcc_".__add__)


@given(
    st.lists(identifiers, unique=True, min_size=2, max_size=12),
    st.lists(ids, unique=True, min_size=1),
    st.data(),
)
def test_a_customer_and_its_nodes_are_told_among_other_records(everybody, names, data):
    cuts = data.draw(st.lists(st.integers(0, len(everybody)), max_size=len(names) - 1).map(sorted))
    parts = [everybody[a:b] for a, b in zip([0, *cuts], [*cuts, len(everybody)], strict=True)]
    present = [Customer(id_, tuple(sorted(part))) for id_, part in zip(names, parts, strict=False) if part]
    encoded = {customer: records.encode_customer(customer) for customer in present}
    nodes = {
        customer: [
            records.encode_node(Node(x, Seen(1, 1, 1), customer=customer.id, first=customer.members[0]))
            for x in customer.members
        ]
        for customer in present
    }
    beside = [
        *encoded.values(),
        *(node for some in nodes.values() for node in some),
        *data.draw(st.lists(others)),
    ]
    beside = data.draw(st.permutations(beside))
    for customer in present:
        for x in customer.members:
            assert records.customer_among(x, beside) == records.plain_customer(encoded[customer])
        place = records.customer_digest(nodes[customer][0])
        assert sorted(records.nodes_among(place, beside)) == sorted(nodes[customer])
    assert records.customer_among(Identifier("z", "nobody"), beside) is None
    assert records.customer_among(everybody[0], data.draw(st.lists(others))) is None


def test_what_is_not_there_is_of_no_customer():
    assert records.customer_digest(b"") == b""


@given(tenants, identifiers)
def test_keys_are_a_prefix_and_a_hash(tenant, x):
    keys = {
        b"n": records.node_key(tenant, x),
        b"c": records.customer_key(tenant, x),
        b"i": records.id_key(tenant, str(x)),
    }
    for kind, key in keys.items():
        prefix = records.tenant_prefix(kind, tenant)
        assert key.startswith(prefix)
        assert len(key) == len(prefix) + 16
        assert len(x.value) < 4 or x.value.encode() not in key.removeprefix(prefix)
    assert len(set(keys.values())) == 3


@given(identifiers, identifiers)
def test_only_one_identifier_has_a_key(x, other):
    same = records.node_key("t", x) == records.node_key("t", other)
    assert same == (x == other)


@given(st.lists(tenants, min_size=2, max_size=2, unique=True), identifiers)
def test_no_tenant_s_prefix_begins_another_s_key(names, x):
    mine, other = names
    for kind in (b"n", b"c", b"i"):
        for key in (
            records.node_key(other, x),
            records.customer_key(other, x),
            records.id_key(other, x.value),
        ):
            assert not key.startswith(records.tenant_prefix(kind, mine))
    assert records.node_key(mine, x) != records.node_key(other, x)


@given(tenants, identifiers, st.integers(0, 10**8 - 1), st.integers(0, 10**8 - 1))
def test_views_and_their_own_keys_stay_apart(tenant, x, number, other):
    key = overlay.view_prefix(number) + records.node_key(tenant, x)
    assert key.startswith(overlay.view_prefix(other)) == (number == other)
    assert key not in {
        overlay.epoch_key(number),
        overlay.offsets_key(number),
        overlay.through_key(number),
    }


@given(st.integers(1, 2**63), st.binary(max_size=40))
def test_values_carry_a_version(version, record):
    value = overlay.value(version, record)
    assert overlay.record_of(value) == record
    assert overlay.next_version(overlay.version_of(value)) == version + 1
    assert overlay.next_version(overlay.ABSENT, overlay.version_of(value)) == version + 1


def test_the_first_version_is_one():
    assert overlay.version_of(None) == overlay.ABSENT
    assert overlay.next_version() == overlay.next_version(overlay.ABSENT) == 1
