"""The graph's records as bytes: one form for Redis, for a generation's files and for Delta.

MessagePack arrays, field order as below; `FORMAT` stands in every generation's manifest and in every
key of the speed view, so a reader never meets bytes of a form that it does not know. Keys hold a hash,
not an identifier: they are short, of one length, and say nothing to who watches a server.
"""

from hashlib import blake2b
from typing import Any

import msgspec

from identity import Customer, Identifier, Link, Minted, Refused, Seen, Verdict
from identity.facts import PAST
from identity.graph import Component, Edge, IdRecord, Node

FORMAT = 1

_MINE, _THEIRS, _OUT = 1, 2, 4

_DIGEST = 16  # bytes: no two of 2**40 identifiers share one by chance
_NO_COMPONENT = bytes(_DIGEST)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def node_key(tenant: str, identifier: Identifier) -> bytes:
    """The key of an identifier's node."""
    return tenant_prefix(b"n", tenant) + _digest(f"{identifier.type}\0{identifier.value}")


def component_key(tenant: str, label: Identifier) -> bytes:
    """The key of a component, by its label."""
    return component_key_of(tenant, _digest(f"{label.type}\0{label.value}"))


def component_key_of(tenant: str, digest: bytes) -> bytes:
    """The key of a component, by what `component_digest` says."""
    return tenant_prefix(b"c", tenant) + digest


def id_key(tenant: str, customer_id: str) -> bytes:
    """The key of a customer id."""
    return tenant_prefix(b"i", tenant) + _digest(customer_id)


def tenant_prefix(kind: bytes, tenant: str) -> bytes:
    """What all keys of one kind (n, c, i) and tenant begin with; no tenant's name holds a NUL."""
    return kind + tenant.encode() + b"\0"


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_DIGEST).digest()


def encode_node(node: Node) -> bytes:
    """`[type, value, seen, edges, fault, customer, component, home, minted]`.

    In front stands the hash of the component's label, so that a script in Redis, which cannot hash, finds
    a node's component in the same round trip.
    """
    label = node.component
    digest = _digest(f"{label.type}\0{label.value}") if label is not None else _NO_COMPONENT
    return digest + _encode(
        (
            *node.identifier,
            node.seen,
            [_edge(other, edge) for other, edge in node.edges.items()],
            node.fault,
            node.customer,
            node.component,
            node.home,
            node.minted,
        )
    )


def decode_node(data: bytes) -> Node:
    """The node that `encode_node` wrote."""
    type_, value, seen, edges, fault, customer, component, home, minted = _decode(memoryview(data)[_DIGEST:])
    return Node(
        Identifier(type_, value),
        Seen(*seen),
        dict(_read_edge(*edge) for edge in edges),
        fault,
        customer,
        Identifier(*component) if component is not None else None,
        home,
        minted,
    )


def component_digest(node: bytes) -> bytes:
    """The hash that names the component of an encoded node; empty where it has none."""
    digest = node[:_DIGEST]
    return b"" if digest == _NO_COMPONENT else digest


def _edge(other: Identifier, edge: Edge) -> tuple[Any, ...]:
    flags = edge.mine * _MINE | edge.theirs * _THEIRS | edge.out * _OUT
    link = edge.link
    seen = (*other, flags, link.first_seen, link.last_seen, link.first_ingested)
    return seen if link.decided_at == PAST else (*seen, link.verdict, link.decided_at)


def _read_edge(
    type_: str,
    value: str,
    flags: int,
    first_seen: int,
    last_seen: int,
    first_ingested: int,
    verdict: int = Verdict.NONE,
    decided_at: int = PAST,
) -> tuple[Identifier, Edge]:
    link = Link(first_seen, last_seen, first_ingested, Verdict(verdict), decided_at)
    return Identifier(type_, value), Edge(
        link, bool(flags & _MINE), bool(flags & _THEIRS), bool(flags & _OUT)
    )


def encode_component(component: Component) -> bytes:
    """`[[[id, members, aliases], …], refused]`."""
    return _encode(component)


def decode_component(data: bytes) -> Component:
    """The component that `encode_component` wrote."""
    customers, refused = _decode(data)
    return Component(
        tuple(
            Customer(customer_id, tuple(Identifier(*member) for member in members), tuple(aliases))
            for customer_id, members, aliases in customers
        ),
        tuple(Refused(Identifier(*a), Identifier(*b), reason) for a, b, reason in refused),
    )


def encode_id(record: IdRecord) -> bytes:
    """`[[generation, first_ingested, anchor, counter], residents]`."""
    return _encode(record)


def decode_id(data: bytes) -> IdRecord:
    """The id record that `encode_id` wrote."""
    (generation, first_ingested, anchor, counter), residents = _decode(data)
    minted = Minted(generation, first_ingested, Identifier(*anchor), counter)
    return IdRecord(minted, tuple(Identifier(*resident) for resident in residents))
