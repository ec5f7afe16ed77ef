"""Nodes that were met again, in bytes: as if they were decoded, merged and encoded."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from identity import Identifier, Link, Seen, Verdict
from identity.facts import PAST, Failure, Signs, Word
from identity.graph import Edge, Far, Node
from schemas.again import met_again, seen_again
from schemas.records import decode_node, encode_node

HOUR = 3_600_000_000
# Among the values are such as look like the bytes of a link, or of what stands before one.
values = st.sampled_from(["a", "b", "Ö", "▦cookie\u0640" + "x" * 64, "\x03ϐ\0", "x" * 40, "ϐ" * 200])
identifiers = st.builds(Identifier, st.sampled_from(["cookie", "login", "Ö"]), values)
times = st.integers(10 * HOUR, 20 * HOUR)
any_times = times | st.integers(-5, 20)
fates = st.sampled_from(
    [(True, True, False)] * 4 + [(True, False, False), (False, True, False), (True, True, True)]
)


def seen_of(some):
    return st.tuples(some, some, some).map(lambda t: Seen(min(t[:2]), max(t[:2]), t[2]))


@st.composite
def links(draw, some=any_times):
    seen = draw(seen_of(some))
    decided = draw(st.integers(0, 9)) == 0
    return Link(*seen, Verdict.MUST if decided else Verdict.NONE, draw(some) if decided else PAST)


@st.composite
def nodes(draw):
    x = draw(identifiers)
    others = draw(st.lists(identifiers.filter(lambda z: z != x), max_size=5, unique=True))
    first = draw(st.sampled_from([x, *others]))
    rare = st.integers(0, 6).map(lambda n: n == 0)
    signs = draw(
        st.sampled_from([Signs(), Signs(), Signs(12 * HOUR), Signs(15 * HOUR), Signs(5)])
        | st.just(Signs(PAST, (Failure(12 * HOUR, "soft_bounce"),)))
        | st.just(Signs(PAST, (), Word(12 * HOUR, objects=False)))
    )
    fault = draw(st.sampled_from(["hot: linked to too many", "expired: unseen"])) if draw(rare) else None
    return Node(
        x,
        draw(seen_of(any_times)),
        {z: Edge(draw(links()), *draw(fates)) for z in others},
        fault,
        "" if fault else "c_abc",
        None if fault else first,
        draw(st.sampled_from([None, None, "c_def"])),
        draw(st.sampled_from([0, 0, 3])),
        first == x and not others and not fault,
        {"cookie": Far(3, 2, 1, (-5, Identifier("cookie", "z")))} if draw(rare) else {},
        signs,
        13 * HOUR if signs != Signs() and draw(rare) else None,
    )


def merged(node, seen, met, revived):
    """The same, decoded; None where it is not plain."""
    signs = node.signs.merge(Signs(revived))
    edges = {
        z: edge._replace(link=edge.link.merge(met[z])) if z in met else edge for z, edge in node.edges.items()
    }
    return replace(node, seen=node.seen.merge(seen), signs=signs, edges=edges)


def is_plain(node, seen, met, revived):
    return (
        node.fault is None
        and node.stale is None
        and seen.first_ingested >= node.seen.first_ingested
        and all(
            z in node.edges and node.edges[z].lives and node.edges[z].link.decided_at == PAST for z in met
        )
        and (revived == PAST or node.signs._replace(revived=PAST) == Signs())
    )


@given(nodes(), seen_of(any_times), st.data())
def test_a_node_that_was_met_again_is_what_merging_makes_of_it(node, seen, data):
    known = data.draw(st.lists(st.sampled_from([*node.edges, None]), max_size=3, unique=True))
    met = {
        z or data.draw(identifiers): data.draw(links(data.draw(st.sampled_from([times, any_times]))))
        for z in known
    }
    met = {z: link._replace(verdict=Verdict.NONE, decided_at=PAST) for z, link in met.items()}
    revived = data.draw(st.sampled_from([PAST, PAST, 11 * HOUR, 14 * HOUR, 3]))
    encoded = encode_node(node)
    again = met_again(encoded, seen, met.items(), revived)
    if again is None:
        ties = [link for z, link in met.items() if z in node.edges for link in (link, node.edges[z].link)]
        early = [*(time for link in ties for time in link[:3]), revived, node.signs.revived]
        assert not is_plain(node, seen, met, revived) or any(PAST < time < HOUR for time in early)
    else:
        assert is_plain(node, seen, met, revived)
        assert decode_node(again) == merged(node, seen, met, revived)
        assert again == encode_node(decode_node(again))


@given(nodes(), seen_of(any_times))
def test_a_node_that_was_seen_again_is_what_merging_makes_of_it(node, seen):
    again = seen_again(encode_node(node), seen)
    if seen.first_ingested < node.seen.first_ingested or (node.fault or "").startswith("expired"):
        assert again is None
    else:
        assert decode_node(again) == replace(node, seen=node.seen.merge(seen))
