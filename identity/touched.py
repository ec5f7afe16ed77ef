"""What new facts bear on, as whole components: the rest of a generation stays as it is.

For who joins components as a whole, as a batch does; `identity.upkeep` joins no more than it must. After
steps 1 to 3 (`Keeping`) the records that changed are at hand. Then

1. *Each component, as it is now, of an identifier whose record changed or that needs a second look, is
   touched.* With them each that they were part of before: follow the links that lived from somebody in it to
   the one that changed. The first of them that lives no more has its near end in the component that he is in
   still, and a link ceases to live by a change at both its ends.
2. *So is that of each who is at home where one dropped out, came back, or turned out to be older*: only thus
   does an id get another keeper.

A component that is not touched has the members, links and ids that it had, and to join and name it would come
to what it came to before: whoever is at home in an id and is in was part of its keeper's customer when the
homes were given, so that no home and no keeper moves by itself.
"""

from collections.abc import Collection
from dataclasses import dataclass

from identity.drafts import Drafts
from identity.facts import Facts, Link
from identity.graph import IdRecord, View
from identity.identifier import Identifier
from identity.keeping import Keeping
from identity.name import keeper_key
from identity.resolve import components
from identity.rules import Rules


@dataclass(frozen=True)
class Touched:
    """The touched components, and the ids that some of their members are at home in.

    `records` has all of their nodes, and those of all `residents`: of an id, who is known of those at home
    in it, the first in line to keep it first.
    """

    records: Drafts
    components: list[set[Identifier]]
    ids: dict[str, IdRecord]
    residents: dict[str, list[Identifier]]


def touched(
    view: View, facts: Facts, again: Collection[Identifier], rules: Rules, as_of: int | None
) -> Touched:
    """What has to be joined and named anew because of new facts.

    `again` are the known identifiers for which, or for a link of which, `max_age` has passed between the
    moment of the view and `as_of`. The nodes of `view` must hold all their links near.
    """
    keeping = Keeping(view, rules, as_of)
    records = keeping.records
    flipped = keeping.keep(facts, again)
    aged = {
        x
        for x, draft in records.drafts.items()
        if (known := records.known[x]) is not None and known.seen.first_ingested != draft.seen.first_ingested
    }
    near: dict[Identifier, dict[Identifier, Link]] = {}
    frontier = {*records.drafts, *again, *keeping.housemates(flipped | aged)}
    while frontier:
        records.load(frontier)
        near.update((x, records.node(x).live) for x in frontier)
        frontier = {z for x in frontier for z in near[x]} - near.keys()
    ids = view.ids({home for x in near if (home := records.node(x).home) is not None})
    records.load({x for record in ids.values() for x in record.residents})
    return Touched(
        records,
        list(components(near)),
        ids,
        {customer: _line(record, records, rules) for customer, record in ids.items()},
    )


def _line(record: IdRecord, records: Drafts, rules: Rules) -> list[Identifier]:
    """Who is at home in an id, in the order in which they would keep it."""
    residents = [x for x in record.residents if records.known[x] is not None]
    return sorted(residents, key=lambda x: keeper_key(x, records.node(x).seen.first_ingested, rules))
