"""Generations without Spark: the records of a MemoryView, written as the batch layer writes them."""

from identity import resolve
from identity.memory import MemoryView
from schemas import records
from schemas.blocks import alone
from schemas.generation import Builder, Manifest, open_generation, shard_of, write_shard


def entries(view, tenant="default"):
    """All records of a view, in the order of their keys."""
    nodes = [(records.node_key(tenant, x), records.encode_node(node)) for x, node in view._nodes.items()]
    components = [
        (records.component_key(tenant, label), records.encode_component(component))
        for label, component in view._components.items()
        if not component.lone and not component.large
    ]
    for label, component in view._components.items():
        if component.large:
            components.append((records.large_key(tenant, label), records.encode_large(component)))
            components += [
                (records.part_key(tenant, first), records.encode_component(part))
                for first, part in records.parts(component).items()
            ]
    far = [
        (records.far_key(tenant, x, other), records.encode_far(other, edge))
        for x, links in view._far.items()
        for other, edge in links.items()
    ]
    ids = [(records.id_key(tenant, id_), records.encode_id(record)) for id_, record in view._ids.items()]
    return sorted(nodes + far + components + ids)


def built(facts, rules, minter, as_of=None):
    """What a generation that knows these facts holds, as a view, and what it hands on."""
    published = resolve(facts, rules, minter=minter, as_of=as_of).publish()
    view = MemoryView(rules, minter, as_of)
    view.apply(facts)
    view.publish(published)
    return view, published


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
