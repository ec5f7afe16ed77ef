"""Generations without Spark: the records of a MemoryView, written as the batch layer writes them."""

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from identity import resolve
from identity.consent import changes, claim, kept
from identity.memory import MemoryView
from schemas import records
from schemas.blocks import alone
from schemas.generation import Builder, Manifest, open_generation, shard_of, write_shard


def entries(view, tenant="default", said=()):
    """All records of a view, in the order of their keys; `said` are (identifier, permission, statement)."""
    claims, histories = {}, {}
    for x, about, statement in said:
        claim(claims.setdefault(x, {}), about, statement)
        histories.setdefault(x, []).append((about, statement))
    stated = [
        (records.claims_key(tenant, x), records.encode_claims(kept(of_one).items()))
        for x, of_one in claims.items()
    ] + [
        (records.history_key(tenant, x), records.encode_claims(changes(history)))
        for x, history in histories.items()
    ]
    nodes = [(records.node_key(tenant, x), records.encode_node(node)) for x, node in view._nodes.items()]
    customers = [
        (records.customer_key(tenant, first), records.encode_customer(customer))
        for first, customer in view._customers.items()
        if not customer.lone
    ]
    far = [
        (records.far_key(tenant, x, other), records.encode_far(other, edge))
        for x, links in view._far.items()
        for other, edge in links.items()
    ]
    ids = [(records.id_key(tenant, id_), records.encode_id(record)) for id_, record in view._ids.items()]
    return sorted(nodes + far + customers + ids + stated)


def built(facts, rules, minter, as_of=None):
    """What a generation that knows these facts holds, as a view, and what it hands on."""
    published = resolve(facts, rules, minter=minter, as_of=as_of).publish()
    view = MemoryView(rules, minter, as_of)
    view.apply(facts)
    view.publish(published)
    return view, published


@contextmanager
def passing(facts, rules, minter, as_of=None):
    """A generation of these facts, gone afterwards, and what it hands on.

    In a directory of its own: open generations are known by their path, and one may linger.
    """
    view, handed_on = built(facts, rules, minter, as_of)
    with TemporaryDirectory() as directory:
        yield publish(Path(directory), entries(view), as_of=as_of), handed_on


def manifest(number=1, **fields):
    return Manifest(
        **{"generation": number, "offsets": {}, "as_of": None, "rules": "", "fingerprint": ""} | fields
    )


def publish(root, records_, number=1, shards=2, **fields):
    """Publish records as a generation; returns it, open."""
    with Builder(root, number) as builder:
        written = [
            write_shard(
                builder.directory, i, alone(entry for entry in records_ if shard_of(entry[0], shards) == i)
            )
            for i in range(shards)
        ]
        builder.publish(manifest(number, shards=written, **fields))
    return open_generation(root, number)
