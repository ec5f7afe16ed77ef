"""Incremental upkeep: new facts in, changed records out; the same answer as `resolve` over everything.

What an event can change, and so what is loaded:

1. *Merge* the facts into the nodes they name; stop where nothing widens.
2. *Screen* these nodes again. Where one drops out or comes back, its neighbours' second step changes.
3. *Own*: nodes changed in 1 or 2 choose anew which links they keep; the other ends are told. Of a crowded
   node only the far links that are named here are loaded (`identity.reach`), and go far again at the end.
4. *Touch* the components of both ends of each link that began or ceased to live, or moved up in the order,
   and those of identifiers that share a home with one that flipped. A link that begins, or moves up, within
   one customer changes nothing: its groups only meet earlier, what was refused them is so all the more, and
   what was not still fits, for all of it is within the customer that fits.
5. *Join* and *name* the touched components, in whatever pieces they now fall.

Steps 1 and 2 of resolution look at neighbours only, hence 1 to 3 here do not spread; live components
are small because step 2 bounds degrees. The proof by test is `tests/identity/test_upkeep.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from identity.facts import FUTURE, Facts, Link, Seen, Verdict
from identity.graph import Component, Edge, IdRecord, Node, View
from identity.identifier import Identifier, Pair
from identity.join import Refused, join
from identity.name import Customer, Minted, Minter, anchor_of, keeper_key
from identity.own import kept
from identity.reach import is_short, pull, push
from identity.resolve import components
from identity.rules import Rules
from identity.screen import counting, identifier_fault
from identity.together import Together


@dataclass(slots=True)
class Update:
    """A set of changes that belong together: all of it is committed, or none.

    `read_*` name every record that the outcome rests on, `nodes`, `far` and `components` those to write (a
    component or far link of None is gone), `minted` the new ids; `before` and `after` are the customers
    concerned.
    """

    read_nodes: list[Identifier] = field(default_factory=list)
    read_far: list[Pair] = field(default_factory=list)
    read_components: list[Identifier] = field(default_factory=list)
    nodes: dict[Identifier, Node] = field(default_factory=dict)
    far: dict[Pair, Edge | None] = field(default_factory=dict)
    components: dict[Identifier, Component | None] = field(default_factory=dict)
    minted: dict[str, Minted] = field(default_factory=dict)
    before: list[Customer] = field(default_factory=list)
    after: list[Customer] = field(default_factory=list)


def upkeep(
    view: View,
    facts: Facts,
    rules: Rules,
    *,
    minter: Minter,
    as_of: int | None,
    postponed: Facts | None = None,
) -> list[Update]:
    """Apply new facts to a view; returns the independent updates that bring it up to date.

    `as_of` must be the one that the view was built with, so that nothing else needs a second look. Where
    `postponed` is given no large component is looked at: facts that ask for it are put there instead.
    """
    return _Upkeep(view, rules, minter, as_of).apply(facts, postponed)


class _Upkeep:
    def __init__(self, view: View, rules: Rules, minter: Minter, as_of: int | None) -> None:
        self._view = view
        self._rules = rules
        self._minter = minter
        self._as_of = as_of
        self._known: dict[Identifier, Node | None] = {}  # as loaded; None = asked for, not there
        self._drafts: dict[Identifier, Node] = {}  # as they are to be
        self._far: dict[Pair, Edge | None] = {}  # far links as loaded; None = asked for, not there
        self._old: dict[Identifier, Component | None] = {}  # components as loaded, by label
        self._torn: set[Identifier] = set()  # labels of old components that are built anew
        self._new: dict[Identifier, Component] = {}
        self._minted: dict[str, Minted] = {}
        self._together = Together()

    def apply(self, facts: Facts, postponed: Facts | None) -> list[Update]:
        self._load({*facts.seen, *(end for ends in facts.links for end in ends)})
        self._reach(end for a, b in facts.links for end in ((a, b), (b, a)))
        changed = self._merge(facts)
        flipped = self._screen(changed)
        self._own(changed | {z for x in flipped for z in self._node(x).edges})
        loose = self._loose(flipped)
        large = [x for x in loose if postponed is not None and self._is_large(x)]
        self._rebuild(self._members(loose - self._with(large, loose)))
        if postponed is not None:
            postponed.seen.update((x, facts.seen[x]) for x in self._with(large, facts.seen))
            # A link that says nothing new may lead elsewhere.
            links = facts.links.items()
            postponed.links.update((ends, link) for ends, link in links if postponed.seen.keys() >= {*ends})
        return list(self._updates(large))

    def _with(self, some: Iterable[Identifier], among: Iterable[Identifier]) -> set[Identifier]:
        """Those that must be committed together with any of some."""
        roots = {self._together.find(x) for x in some}
        return {x for x in among if self._together.find(x) in roots} if roots else set()

    # Access

    def _load(self, identifiers: Iterable[Identifier]) -> None:
        missing = [x for x in identifiers if x not in self._known]
        if missing:
            self._known.update(dict.fromkeys(missing))
            self._known.update(self._view.nodes(missing))

    def _load_components(self, labels: Iterable[Identifier]) -> None:
        missing = [label for label in labels if label not in self._old]
        if missing:
            self._old.update(dict.fromkeys(missing))
            self._old.update(self._view.components(missing))

    def _reach(self, pairs: Iterable[Pair]) -> None:
        """Take far links near: what the first end of each pair holds of the second, if it does."""
        missing = []
        for x, z in pairs:
            node = self._drafts.get(x) or self._known[x]
            if node is None or z.type not in node.far or z in node.edges or (x, z) in self._far:
                continue
            missing.append((x, z))
        if missing:
            self._far.update(dict.fromkeys(missing))
            self._pull(self._view.far(missing))

    def _reach_all(self, x: Identifier) -> None:
        """Take all far links of an identifier near."""
        if self._node(x).far:
            self._pull(self._view.all_far(x))

    def _pull(self, found: Mapping[Pair, Edge]) -> None:
        for (x, z), edge in found.items():
            # What was taken near before has since been changed.
            if z not in self._node(x).edges:
                self._far[x, z] = edge
                pull(self._draft(x), z, edge, self._rules, self._as_of)

    def _node(self, x: Identifier) -> Node:
        node = self._drafts.get(x) or self._known[x]
        assert node is not None, "only nodes that were found or made are asked for"
        return node

    def _draft(self, x: Identifier) -> Node:
        draft = self._drafts.get(x)
        if draft is None:
            draft = self._drafts[x] = self._node(x).copy()
        return draft

    # 1. Merge

    def _merge(self, facts: Facts) -> set[Identifier]:
        changed = {x for x, seen in facts.seen.items() if self._see(x, seen)}
        for (a, b), link in facts.links.items():
            if self._tie(a, b, link):
                self._tie(b, a, link)
                self._together.add(a, b)
                changed |= {a, b}
        return changed

    def _see(self, x: Identifier, seen: Seen) -> bool:
        known = self._known[x]
        if known is None:
            self._drafts[x] = Node(x, seen)
            return True
        merged = known.seen.merge(seen)
        if merged == known.seen:
            return False
        draft = self._draft(x)
        draft.seen = merged
        if merged.first_ingested != known.seen.first_ingested:
            # Ids are minted from an identifier and its first ingestion: none yet from this pair.
            draft.minted = 0
        return True

    def _tie(self, a: Identifier, b: Identifier, link: Link) -> bool:
        edge = self._node(a).edges.get(b)
        if edge is None:
            self._draft(a).edges[b] = Edge(link)
            return True
        merged = edge.link.merge(link)
        if merged == edge.link:
            return False
        self._draft(a).edges[b] = edge._replace(link=merged)
        return True

    # 2. Screen

    def _screen(self, changed: set[Identifier]) -> set[Identifier]:
        """Returns those that dropped out or came back."""
        flipped = set()
        for x in changed:
            node = self._node(x)
            links = counting(x, _links(node), self._rules, self._as_of)
            more = {type_: far.counting for type_, far in node.far.items()}
            fault = identifier_fault(x, node.seen, links, self._rules, self._as_of, more=more)
            if fault != node.fault:
                was_shut = node.shut
                if (fault is None) != (node.fault is None):
                    flipped.add(x)
                node = self._draft(x)
                node.fault = fault
                if node.shut != was_shut:
                    self._reach_all(x)
        self._load({z for x in flipped for z in self._node(x).edges})
        self._reach((z, x) for x in flipped for z in self._node(x).edges)
        for x in changed:
            out = self._node(x).fault is not None
            for z in self._node(x).edges:
                # A neighbour that was not loaded knows already: nothing that it can see has changed.
                if self._known.get(z) or z in self._drafts:
                    edge = self._node(z).edges.get(x)
                    if edge is not None and edge.out != out:
                        self._draft(z).edges[x] = edge._replace(out=out)
                        self._together.add(x, z)
        return flipped

    # 3. Own

    def _own(self, dirty: set[Identifier]) -> None:
        keeps = {x: self._keeps(x) for x in dirty}
        turned = [
            (x, z) for x in dirty for z, edge in self._node(x).edges.items() if edge.mine != (z in keeps[x])
        ]
        # All at once: for a store across a network the number of calls matters, not their size.
        self._load({z for _, z in turned})
        self._reach((z, x) for x, z in turned)
        for x, z in turned:
            mine, theirs = self._draft(x), self._draft(z)
            mine.edges[z] = mine.edges[z]._replace(mine=z in keeps[x])
            theirs.edges[x] = theirs.edges[x]._replace(theirs=z in keeps[x])
            self._together.add(x, z)

    def _keeps(self, x: Identifier) -> set[Identifier]:
        node = self._node(x)
        if node.shut:
            return set()
        candidates = self._candidates(x)
        if is_short(node, candidates, self._rules):
            self._reach_all(x)
            node, candidates = self._node(x), self._candidates(x)
        behind = {type_: far.candidates for type_, far in node.far.items()}
        return kept(x, candidates, self._rules, behind)

    def _candidates(self, x: Identifier) -> dict[Identifier, Link]:
        """The near links of a node that count, to identifiers that are in."""
        edges = self._node(x).edges
        links = counting(x, _links(self._node(x)), self._rules, self._as_of)
        return {z: link for z, link in links.items() if not edges[z].out}

    # 4. Touch

    def _loose(self, flipped: set[Identifier]) -> set[Identifier]:
        """The identifiers whose components must be looked at again."""
        loose: set[Identifier] = set()
        for x, draft in self._drafts.items():
            known = self._known.get(x) or Node(x, draft.seen)
            if known.component is None or draft.seen.first_ingested != known.seen.first_ingested:
                loose.add(x)
            for z, edge in draft.edges.items():
                before = known.edges.get(z, _NO_EDGE)
                lived, lives = known.is_live(z), draft.is_live(z)
                moved = lives and not (lived and edge.link == before.link)
                decided = edge.link.verdict != before.link.verdict
                if decided or lived > lives or (moved and not self._is_with(z, known.customer)):
                    loose |= {x, z}
        loose |= flipped
        # An identifier that turns out to be older may come to stand before others in their line.
        aged = {x for x in self._drafts if (k := self._known.get(x)) and k.seen[2] != self._drafts[x].seen[2]}
        loose |= self._housemates(flipped | aged)
        for x in loose:
            if (label := self._label(x)) is not None:
                self._together.add(x, label)
        return loose

    def _is_with(self, x: Identifier, customer: str) -> bool:
        known = self._known.get(x)
        return known is not None and known.customer == customer != ""

    def _members(self, loose: set[Identifier]) -> set[Identifier]:
        """Loose identifiers, and all members of their components, which are built anew."""
        self._torn = {label for x in loose if (label := self._label(x)) is not None}
        self._load_components(self._torn)
        members = loose | {member for label in self._torn for member in self._component(label).members}
        self._load(members)
        return members

    def _housemates(self, flipped: set[Identifier]) -> set[Identifier]:
        """Who may win or lose an id because a keeper dropped out or came back."""
        homes = {home for x in flipped if (home := self._node(x).home) is not None}
        if not homes:
            return set()
        result: set[Identifier] = set()
        for record in self._view.ids(homes).values():
            result.update(record.residents)
            for resident in record.residents:
                self._together.add(resident, record.residents[0])
        self._load(result)
        return {x for x in result if self._known[x] is not None}

    def _label(self, x: Identifier) -> Identifier | None:
        known = self._known.get(x)
        return known.component if known is not None else None

    def _is_large(self, x: Identifier) -> bool:
        known = self._known.get(x)
        return known is not None and known.apart is not None

    def _component(self, label: Identifier) -> Component:
        component = self._old[label]
        assert component is not None, "a node's label names a stored component"
        return component

    # 5. Join and name

    def _rebuild(self, members: set[Identifier]) -> None:
        live = {}
        for x in members:
            node = self._node(x)
            if node.fault is None:
                live[x] = {z: edge.link for z, edge in node.edges.items() if node.is_live(z)}
            elif node.component is not None:
                draft = self._draft(x)
                draft.customer, draft.component, draft.lone, draft.whole = "", None, False, False
                draft.apart = None
        pieces = []
        for piece in components(live):
            links = [((a, b), link) for a in piece for b, link in live[a].items() if a < b]
            apart = [(a, b) for a in piece for b in self._foes(a) if a < b and b in piece]
            pieces.append(join(piece, links, apart, self._rules))
        held = self._held({x for groups, _ in pieces for group in groups for x in group})
        # All at once: for a store across a network the number of calls matters, not their size.
        self._load_components([min(group[0] for group in groups) for groups, _ in pieces])
        for groups, refused in pieces:
            self._place(groups, refused, held)

    def _foes(self, x: Identifier) -> Iterator[Identifier]:
        return (z for z, edge in self._node(x).edges.items() if edge.link.verdict == Verdict.CANNOT)

    def _held(self, members: set[Identifier]) -> dict[Identifier, list[tuple[Minted, str]]]:
        """The published ids, with their age, that each keeper among `members` holds."""
        homes = {home for x in members if (home := self._node(x).home) is not None}
        records: dict[str, IdRecord] = self._view.ids(homes) if homes else {}
        self._load({resident for record in records.values() for resident in record.residents})
        for x in members:
            home = self._node(x).home
            if home is not None:
                self._together.add(x, records[home].residents[0])
        held: dict[Identifier, list[tuple[Minted, str]]] = {}
        for customer_id, record in records.items():
            for resident in sorted(record.residents, key=self._place_in_line):
                node = self._drafts.get(resident) or self._known[resident]
                self._together.add(resident, record.residents[0])
                if node is not None and node.fault is None:
                    held.setdefault(resident, []).append((record.minted, customer_id))
                    break
        return held

    def _place_in_line(self, x: Identifier) -> tuple[int, int, Identifier]:
        node = self._drafts.get(x) or self._known[x]
        return keeper_key(x, node.seen.first_ingested if node is not None else FUTURE, self._rules)

    def _place(
        self,
        groups: list[list[Identifier]],
        refused: list[Refused],
        held: dict[Identifier, list[tuple[Minted, str]]],
    ) -> None:
        customers = []
        for group in groups:
            ids = [
                customer_id for _, customer_id in sorted(entry for x in group for entry in held.get(x, ()))
            ]
            customers.append(Customer((ids or [self._mint(group)])[0], tuple(group), tuple(ids[1:])))
        component = Component(tuple(sorted(customers)), tuple(sorted(refused)))
        label = component.label
        self._new[label] = component
        lone, whole, large = component.lone, component.whole, component.large
        for customer in customers:
            place = (customer.id, label, lone, whole, customer.members[0] if large else None)
            for x in customer.members:
                self._together.add(x, label)
                node = self._node(x)
                if (node.customer, node.component, node.lone, node.whole, node.apart) != place:
                    draft = self._draft(x)
                    draft.customer, draft.component, draft.lone, draft.whole, draft.apart = place

    def _mint(self, group: list[Identifier]) -> str:
        seen = {x: self._node(x).seen for x in group}
        anchor = anchor_of(group, seen)
        counter = self._node(anchor).minted
        customer_id = self._minter.mint(anchor, seen[anchor].first_ingested, counter)
        self._minted[customer_id] = Minted(0, seen[anchor].first_ingested, anchor, counter)
        return customer_id

    # The outcome, in independent parts

    def _updates(self, without: Iterable[Identifier]) -> Iterator[Update]:
        for label, component in self._old.items():
            for member in component.members if component is not None else ():
                self._together.add(member, label)
        parts: defaultdict[Identifier, Update] = defaultdict(Update)
        self._add_nodes(parts)
        for label, old in self._old.items():
            update = parts[self._together.find(label)]
            update.read_components.append(label)
            self._replace(update, label, old)
        for customer_id, minted in self._minted.items():
            parts[self._together.find(minted.anchor)].minted[customer_id] = minted
        for root in self._with(without, list(parts)):
            del parts[root]
        return (update for update in parts.values() if update.nodes or update.far or update.components)

    def _add_nodes(self, parts: defaultdict[Identifier, Update]) -> None:
        for x in self._known:
            # Only the patient change a large component, and its own record tells of each change: of those in
            # it that stay as they are nothing more needs to be compared.
            if x in self._drafts or not self._is_large(x):
                parts[self._together.find(x)].read_nodes.append(x)
        pushed = self._push()
        for x, draft in self._drafts.items():
            if draft != self._known.get(x):
                parts[self._together.find(x)].nodes[x] = draft
        for ends, edge in self._far.items():
            update = parts[self._together.find(ends[0])]
            update.read_far.append(ends)
            new = pushed.get(ends)
            if new != edge:
                update.far[ends] = new

    def _push(self) -> dict[Pair, Edge]:
        """Let go far what is too much for a node."""
        pushed = {
            (x, z): edge
            for x, draft in self._drafts.items()
            for z, edge in push(draft, self._rules, self._as_of).items()
        }
        # Nothing stands there, but something may have: whoever writes has looked.
        new = [ends for ends in pushed if ends not in self._far]
        self._far.update(dict.fromkeys(new))
        if new:
            self._far.update(self._view.far(new))
        return pushed

    def _replace(self, update: Update, label: Identifier, old: Component | None) -> None:
        new = self._new.get(label)
        if new == old or (new is None and label not in self._torn):
            return
        update.components[label] = new
        update.before += old.customers if old is not None else ()
        update.after += new.customers if new is not None else ()


_NO_EDGE = Edge(Link())


def _links(node: Node) -> dict[Identifier, Link]:
    return {z: edge.link for z, edge in node.edges.items()}
