"""Steps 1 to 3 of upkeep: what becomes of each identifier's links, before anybody is joined.

1. *Merge* the facts into the nodes they name; stop where nothing widens.
2. *Screen* these nodes again. Where one drops out or comes back, its neighbours' second step changes.
3. *Own*: nodes changed in 1 or 2 choose anew which links they keep; the other ends are told. Of a crowded
   node only the far links that are named here are loaded (`identity.reach`), and go far again at the end.

Steps 1 and 2 of resolution look at neighbours only, hence these do not spread. Who is to be joined again
follows from what they changed: see `identity.upkeep` for the stream, `identity.touched` for a batch.
"""

from collections.abc import Collection, Mapping

from identity import staleness
from identity.drafts import Drafts
from identity.facts import Facts, Link, Seen, Signs
from identity.graph import Edge, Node, View
from identity.identifier import Identifier
from identity.own import kept
from identity.reach import is_short
from identity.rules import Rules
from identity.screen import counting, identifier_fault


class Keeping:
    """Steps 1 to 3 over a view: what becomes of each identifier's links, before anybody is joined.

    `records` has what was loaded and what is changed of it.
    """

    def __init__(self, view: View, rules: Rules, as_of: int | None) -> None:
        self._view = view
        self._rules = rules
        self._as_of = as_of
        self.records = self._records = Drafts(view, rules, as_of)
        self._together = self._records.together

    def keep(self, facts: Facts, again: Collection[Identifier] = ()) -> set[Identifier]:
        """Apply new facts; returns those that dropped out or came back.

        `again` are known identifiers that need a second look though no fact names them.
        """
        records = self._records
        records.load({*facts.seen, *again, *(end for ends in facts.links for end in ends)})
        records.reach(end for a, b in facts.links for end in ((a, b), (b, a)))
        changed = self._merge(facts).union(again)
        flipped = self._screen(changed)
        self._own(changed | {z for x in flipped for z in records.node(x).edges})
        return flipped

    def housemates(self, flipped: set[Identifier]) -> set[Identifier]:
        """Who may win or lose an id because a keeper dropped out or came back."""
        homes = {home for x in flipped if (home := self._records.node(x).home) is not None}
        if not homes:
            return set()
        result: set[Identifier] = set()
        for record in self._view.ids(homes).values():
            result.update(record.residents)
            for resident in record.residents:
                self._together.add(resident, record.residents[0])
        self._records.load(result)
        return {x for x in result if self._records.known[x] is not None}

    # 1. Merge

    def _merge(self, facts: Facts) -> set[Identifier]:
        changed = {x for x, seen in facts.seen.items() if self._see(x, seen)}
        changed.update(x for x, signs in facts.signs.items() if self._sign(x, signs))
        for (a, b), link in facts.links.items():
            if self._tie(a, b, link):
                self._tie(b, a, link)
                self._together.add(a, b)
                changed |= {a, b}
        return changed

    def _see(self, x: Identifier, seen: Seen) -> bool:
        known = self._records.known[x]
        if known is None:
            self._records.drafts[x] = Node(x, seen)
            return True
        merged = known.seen.merge(seen)
        if merged == known.seen:
            return False
        draft = self._records.draft(x)
        draft.seen = merged
        if merged.first_ingested != known.seen.first_ingested:
            # Ids are minted from an identifier and its first ingestion: none yet from this pair.
            draft.minted = 0
        return True

    def _sign(self, x: Identifier, signs: Signs) -> bool:
        node = self._records.node(x)
        merged = node.signs.merge(signs)
        if merged == node.signs:
            return False
        stale = staleness.since(x, merged, self._rules)
        if stale != node.stale:
            # Which of its far links are candidates changes.
            self._records.reach_all(x)
        draft = self._records.draft(x)
        draft.signs, draft.stale = merged, stale
        return True

    def _tie(self, a: Identifier, b: Identifier, link: Link) -> bool:
        edge = self._records.node(a).edges.get(b)
        if edge is None:
            self._records.draft(a).edges[b] = Edge(link)
            return True
        merged = edge.link.merge(link)
        if merged == edge.link:
            return False
        self._records.draft(a).edges[b] = edge._replace(link=merged)
        return True

    # 2. Screen

    def _screen(self, changed: set[Identifier]) -> set[Identifier]:
        """Returns those that dropped out or came back."""
        flipped = set()
        for x in changed:
            node = self._records.node(x)
            near = counting(x, node.links, self._rules, self._as_of)
            more = {type_: far.counting for type_, far in node.far.items()}
            fault = identifier_fault(x, node.seen, near, self._rules, self._as_of, more=more)
            if fault != node.fault:
                was_shut = node.shut
                if (fault is None) != (node.fault is None):
                    flipped.add(x)
                node = self._records.draft(x)
                node.fault = fault
                if fault is not None:
                    node.customer, node.first, node.lone = "", None, False
                if node.shut != was_shut:
                    self._records.reach_all(x)
        self._records.load({z for x in flipped for z in self._records.node(x).edges})
        self._records.reach((z, x) for x in flipped for z in self._records.node(x).edges)
        for x in changed:
            out = self._records.node(x).fault is not None
            for z in self._records.node(x).edges:
                # A neighbour that was not loaded knows already: nothing that it can see has changed.
                if self._records.known.get(z) or z in self._records.drafts:
                    edge = self._records.node(z).edges.get(x)
                    if edge is not None and edge.out != out:
                        self._records.draft(z).edges[x] = edge._replace(out=out)
                        self._together.add(x, z)
        return flipped

    # 3. Own

    def _own(self, dirty: set[Identifier]) -> None:
        keeps = {x: self._keeps(x) for x in dirty}
        turned = [
            (x, z)
            for x in dirty
            for z, edge in self._records.node(x).edges.items()
            if edge.mine != (z in keeps[x])
        ]
        # All at once: for a store across a network the number of calls matters, not their size.
        self._records.load({z for _, z in turned})
        self._records.reach((z, x) for x, z in turned)
        for x, z in turned:
            mine, theirs = self._records.draft(x), self._records.draft(z)
            mine.edges[z] = mine.edges[z]._replace(mine=z in keeps[x])
            theirs.edges[x] = theirs.edges[x]._replace(theirs=z in keeps[x])
            self._together.add(x, z)

    def _keeps(self, x: Identifier) -> set[Identifier]:
        node = self._records.node(x)
        if node.shut:
            return set()
        candidates = self._candidates(x)
        if is_short(node, candidates, self._rules):
            self._records.reach_all(x)
            node, candidates = self._records.node(x), self._candidates(x)
        behind = {type_: far.candidates for type_, far in node.far.items()}
        return kept(x, candidates, self._rules, behind)

    def _candidates(self, x: Identifier) -> Mapping[Identifier, Link]:
        """The near links of a node that count, to identifiers that are in, and that it may keep."""
        node = self._records.node(x)
        near = counting(x, node.links, self._rules, self._as_of)
        within = {z: link for z, link in near.items() if not node.edges[z].out}
        return staleness.may_be_kept(within, node.stale)
