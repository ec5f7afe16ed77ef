"""The graph's records as bytes: one form for Redis, for a generation's files and for Delta.

    key         kind (n, e, c, i, p, h), tenant, NUL, then a 16-byte hash of what is named
    node        header, MessagePack [type, value, edges, customer, first, fault, home, minted, far, signs]
                header: hash of its customer's first member (16), first_seen, last_seen, first_ingested (8
                each, big-endian), flags (1)
    far link    MessagePack [type, value, flags, first_seen, …], as an edge in a node; its key has a second
                hash, of the other end
    customer    MessagePack [id, members, aliases], by the hash of its first member
    claims      MessagePack [[purpose, channel, brand, locale, at, withdrawn, valid_from, valid_until, source,
                proof, ingested_at], …] of an identifier, by its hash; a history (h) is the same, oldest first
    id          MessagePack [[generation, first_ingested, anchor, counter], residents]

The header is of fixed size so that an identifier that was only seen again is rewritten without being
decoded (`schemas.again`), and so that a script in Redis, which cannot hash, finds a node's customer in the
same round trip.
A node that is all of its customer, without an alias, has no customer record: half of all identifiers.

`FORMAT` stands in every generation's manifest and in every key of the speed view, so a reader never meets
bytes of a form that it does not know. Keys hold a hash, not an identifier: they are short, of one length,
and say nothing to who watches a server.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import Any, Final

import msgspec

from identity import Customer, Identifier, Link, Minted, Seen, Verdict
from identity.consent import Permission, Said, Statement
from identity.facts import NO_SIGNS, NO_WORD, PAST, Failure, Signs, Word
from identity.graph import Edge, Far, IdRecord, Node
from identity.staleness import APART as OBJECTS

FORMAT = 3

FAR: Final = b"e"  # the kind of a far link's key
CLAIMS: Final = b"p"  # of what an identifier permits

MINE, THEIRS, OUT = 1, 2, 4  # of an edge: this end keeps it, the other does, the other has dropped out
ALIVE = MINE | THEIRS
_FATE = ALIVE | OUT
_FATES = [(flags & MINE != 0, flags & THEIRS != 0, flags & OUT != 0) for flags in range(_FATE + 1)]
_FLAGS = {fate: flags for flags, fate in enumerate(_FATES)}
_LONE, _FIRST, EXPIRED, STALE, APART = 1, 2, 4, 8, 16  # of a node

# The end of most nodes' arrays: first themselves or of no customer, no fault, no home, nothing minted or far,
# no signs.
USUAL: tuple[Any, ...] = (None, None, None, 0, (), None)

DIGEST: Final = 16  # bytes: no two of 2**40 identifiers share one by chance
_NO_CUSTOMER = bytes(DIGEST)

# How MessagePack begins a customer: an array of three, the first a text of 28 bytes, an id.
_CUSTOMER = b"\x93\xbcc_"
_HEADER = Struct(f">{DIGEST}sqqqB")

# What a named tuple does, without the call in between: this runs for every link of every node that is read.
_new = tuple.__new__
_VERDICTS = tuple(Verdict)
_UNDECIDED = 6  # elements of an edge on which nobody decided

EdgeForm = tuple[str | int, ...]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def node_key(tenant: str, identifier: Identifier) -> bytes:
    """The key of an identifier's node."""
    return tenant_prefix(b"n", tenant) + identifier_digest(identifier)


def node_key_of(tenant: str, digest: bytes) -> bytes:
    """The key of a node, by the hash of its identifier."""
    return tenant_prefix(b"n", tenant) + digest


def far_key(tenant: str, x: Identifier, other: Identifier) -> bytes:
    """The key of a far link that x holds."""
    return far_prefix(tenant, x) + identifier_digest(other)


def far_prefix(tenant: str, x: Identifier) -> bytes:
    """What the keys of all far links of x begin with."""
    return tenant_prefix(FAR, tenant) + identifier_digest(x)


def customer_key(tenant: str, first: Identifier) -> bytes:
    """The key of a customer, by its first member."""
    return customer_key_of(tenant, identifier_digest(first))


def customer_key_of(tenant: str, digest: bytes) -> bytes:
    """The key of a customer, by what `customer_digest` says."""
    return tenant_prefix(b"c", tenant) + digest


def claims_key(tenant: str, identifier: Identifier) -> bytes:
    """The key of what an identifier permits."""
    return tenant_prefix(CLAIMS, tenant) + identifier_digest(identifier)


def history_key(tenant: str, identifier: Identifier) -> bytes:
    """The key of what an identifier permitted over time; in generations only."""
    return tenant_prefix(b"h", tenant) + identifier_digest(identifier)


def id_key(tenant: str, customer_id: str) -> bytes:
    """The key of a customer id."""
    return tenant_prefix(b"i", tenant) + text_digest(customer_id)


@lru_cache(maxsize=256)
def tenant_prefix(kind: bytes, tenant: str) -> bytes:
    """What all keys of one kind (n, e, c, i, p, h) and tenant begin with; no tenant's name holds a NUL."""
    return kind + tenant.encode() + b"\0"


def identifier_digest(identifier: Identifier) -> bytes:
    """The hash that stands for an identifier in keys. To remember it would cost more."""
    return blake2b(f"{identifier[0]}\0{identifier[1]}".encode(), digest_size=DIGEST).digest()


def text_digest(text: str) -> bytes:
    """The hash that stands for an id in keys."""
    return blake2b(text.encode(), digest_size=DIGEST).digest()


def encode_node(node: Node, edges: Sequence[EdgeForm] | None = None) -> bytes:
    """See above; what is as it mostly is, at the end of the array, is left out.

    `edges` are the node's, in the form of `edge_form`, for who has made no `Edge` of them.
    """
    x, first, fault, stale = node.identifier, node.first, node.fault, node.stale
    place = _NO_CUSTOMER if first is None or node.lone else identifier_digest(first)
    flags = _LONE if node.lone else 0
    if first == x:
        flags, first = flags | _FIRST, None
    if fault is not None and fault.startswith("expired"):
        flags |= EXPIRED
    if stale is not None:
        flags |= APART if stale == OBJECTS else STALE
    if edges is None:
        edges = [
            (*other, _FLAGS[mine, theirs, out], *link[:3])
            if link[4] == PAST
            else (*other, _FLAGS[mine, theirs, out], *link)
            for other, (link, mine, theirs, out) in node.edges.items()
        ]
    body: tuple[Any, ...] = (x[0], x[1], edges, node.customer)
    far = tuple([(type_, *known) for type_, known in node.far.items()]) if node.far else ()
    signs = None if node.signs == NO_SIGNS else _signed(node)
    rest = (first, fault, node.home, node.minted, far, signs)
    if rest != USUAL:
        body += rest
    return _HEADER.pack(place, *node.seen, flags) + _encode(body)


def encode_lone(x: Identifier, seen: Seen, customer: str) -> bytes:
    """The node of an identifier that was met alone, as `encode_node` writes it, but quicker."""
    return _HEADER.pack(_NO_CUSTOMER, *seen, _LONE | _FIRST) + _encode((x[0], x[1], (), customer))


def decode_node(data: bytes) -> Node:
    """The node that `encode_node` wrote."""
    _, first_seen, last_seen, first_ingested, flags = _HEADER.unpack_from(data)
    type_, value, edges, customer, *rest = _decode(memoryview(data)[_HEADER.size :])
    first, fault, home, minted, far, told = (*rest, *USUAL[len(rest) :]) if rest else USUAL
    signs, stale = (NO_SIGNS, None) if told is None else (read_signs(*told[:2], *told[3:]), told[2])
    x = Identifier(type_, value)
    return Node(
        x,
        Seen(first_seen, last_seen, first_ingested),
        dict(map(_read_edge, edges)),
        fault,
        customer,
        x if flags & _FIRST else Identifier(*first) if first is not None else None,
        home,
        minted,
        bool(flags & _LONE),
        {type_: _read_far(*known) for type_, *known in far},
        signs,
        stale,
    )


def identifier_and_live_ends(node: bytes) -> tuple[Identifier, list[list[Any]]]:
    """Of an encoded node its identifier, and the near links that live, as `live_ends_and_customer`."""
    type_, value, edges, *_ = _decode(memoryview(node)[_HEADER.size :])
    return Identifier(type_, value), _alive(edges)


def live_ends_and_customer(node: bytes) -> tuple[list[list[Any]], str]:
    """Of an encoded node what a lookup needs: the near links that live, and its customer.

    A link is `[type, value, …]` of the other end; it lives if both ends are in, and both keep it.
    """
    _, _, edges, customer, *_ = _decode(memoryview(node)[_HEADER.size :])
    return _alive(edges), customer


def _alive(edges: list[list[Any]]) -> list[list[Any]]:
    return [edge for edge in edges if edge[2] & _FATE == ALIVE]


def identifier_and_customer(node: bytes) -> tuple[str, str, str]:
    """Type and value of an encoded node, and the id of its customer where it is alone with that."""
    type_, value, _, customer, *_ = _decode(memoryview(node)[_HEADER.size :])
    return type_, value, customer


def plain_customer(data: bytes) -> list[Any]:
    """An encoded customer as `[id, [[type, value], …], aliases]`: for lookups."""
    plain: list[Any] = _decode(data)
    return plain


def customer_among(x: Identifier, some: Iterable[bytes]) -> list[Any] | None:
    """The customer that an identifier is a member of, as `plain_customer`, if it is among some records."""
    member = [*x]
    for record in some:
        if record.startswith(_CUSTOMER):
            try:
                customer = plain_customer(record)
            except msgspec.DecodeError:
                continue  # a hash may begin like that, too
            if member in customer[1]:
                return customer
    return None


def nodes_among(customer: bytes, some: Iterable[bytes]) -> list[bytes]:
    """The encoded nodes of a customer's members among some records; `customer` is its `customer_digest`."""
    return [record for record in some if record.startswith(customer)]


def encode_far(other: Identifier, edge: Edge) -> bytes:
    """The record of a far link, by the end that holds it."""
    return _encode(edge_form(*other, _FLAGS[edge[1:]], *edge.link))


def decode_far(data: bytes) -> tuple[Identifier, Edge]:
    """What `encode_far` wrote."""
    return _read_edge(_decode(data))


def _read_far(links: int, counting: int, candidates: int, best: tuple[int, tuple[str, str]] | None) -> Far:
    return Far(links, counting, candidates, best and (best[0], Identifier(*best[1])))


def encode_signs(signs: Signs) -> bytes:
    """`[revived, failures, word]`: signs by themselves; nobody's last word is left out."""
    return _encode(signs_form(signs))


def decode_signs(data: bytes) -> Signs:
    """What `encode_signs` wrote."""
    return read_signs(*_decode(data))


def is_stale(node: bytes) -> bool:
    """Whether an encoded node is of an identifier that is stale (`identity.staleness`)."""
    return bool(node[_HEADER.size - 1] & STALE)


def is_apart(node: bytes) -> bool:
    """Whether an encoded node is of an identifier that objects to being joined (`identity.objection`)."""
    return bool(node[_HEADER.size - 1] & APART)


def is_lone(node: bytes) -> bool:
    """Whether an encoded node is all of its customer, so that there is no record of that."""
    return bool(node[_HEADER.size - 1] & _LONE)


def is_shut(node: bytes) -> bool:
    """Whether an encoded node is of an identifier that dropped out, whatever its links may say."""
    return node[:DIGEST] == _NO_CUSTOMER and not node[_HEADER.size - 1] & (_LONE | EXPIRED)


def first_ingested(node: bytes) -> int:
    """When an encoded node was first taken in."""
    taken: int = _HEADER.unpack_from(node)[3]
    return taken


def customer_digest(node: bytes) -> bytes:
    """The hash that names the customer record of an encoded node; empty where it has none."""
    digest = node[:DIGEST]
    return b"" if digest == _NO_CUSTOMER else digest


def _signed(node: Node) -> tuple[Any, ...]:
    revived, failures, word = node.signs
    told = (revived, failures, node.stale)
    return told if word == NO_WORD else (*told, word)


def signs_form(signs: Signs) -> tuple[Any, ...]:
    """Signs as they are written: without the last word where nobody spoke."""
    return signs[:2] if signs.word == NO_WORD else signs


def read_signs(revived: int, failures: Iterable[tuple[int, str]], word: tuple[int, bool] = NO_WORD) -> Signs:
    """What `signs_form` made."""
    failed = tuple(Failure(*failure) for failure in failures) if failures else ()
    return _new(Signs, (revived, failed, word if word is NO_WORD else Word(*word)))


def edge_form(
    type_: str,
    value: str,
    flags: int,
    first_seen: int,
    last_seen: int,
    first_ingested: int,
    verdict: int,
    decided_at: int,
) -> EdgeForm:
    """An edge as it stands in a node; `flags` are of MINE, THEIRS and OUT."""
    seen = (type_, value, flags, first_seen, last_seen, first_ingested)
    return seen if decided_at == PAST else (*seen, verdict, decided_at)


def _read_edge(form: Sequence[Any]) -> tuple[Identifier, Edge]:
    if len(form) == _UNDECIDED:
        type_, value, flags, *times = form
        link = _new(Link, (*times, Verdict.NONE, PAST))
    else:
        type_, value, flags, *times, verdict, decided_at = form
        link = _new(Link, (*times, _VERDICTS[verdict], decided_at))
    return _new(Identifier, (type_, value)), _new(Edge, (link, *_FATES[flags]))


def encode_customer(customer: Customer) -> bytes:
    """`[id, members, aliases]`."""
    return _encode(customer)


def decode_customer(data: bytes) -> Customer:
    """The customer that `encode_customer` wrote."""
    customer_id, members, aliases = _decode(data)
    return Customer(customer_id, tuple(Identifier(*member) for member in members), tuple(aliases))


def encode_id(record: IdRecord) -> bytes:
    """`[[generation, first_ingested, anchor, counter], residents]`."""
    return _encode(record)


def decode_id(data: bytes) -> IdRecord:
    """The id record that `encode_id` wrote."""
    (generation, first_ingested, anchor, counter), residents = _decode(data)
    minted = Minted(generation, first_ingested, Identifier(*anchor), counter)
    return IdRecord(minted, tuple(Identifier(*resident) for resident in residents))


def encode_claims(said: Iterable[Said]) -> bytes:
    """What an identifier permits, or did over time: a word each."""
    return _encode([(*about, *statement) for about, statement in said])


def decode_claims(data: bytes) -> list[Said]:
    """What `encode_claims` wrote, in its order."""
    return [(_new(Permission, word[:4]), _new(Statement, word[4:])) for word in _decode(data)]
