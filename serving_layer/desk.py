"""The desk: asks questions for a principal, keeps to his budgets, and has it noted.

One place for all routes, so that no answer about a person can leave without a line in the audit log.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from identity.consent import Permission
from schemas.errors import SchemaError
from serving_layer import permissions, questions, settled
from serving_layer.access.audit import AuditLog, Entry
from serving_layer.access.gate import account, spend
from serving_layer.access.principal import Principal
from serving_layer.errors import Refused
from serving_layer.explanation import Explanation, explain
from serving_layer.metrics import Metrics
from serving_layer.outcome import Outcome
from serving_layer.past import answered, standing_at
from serving_layer.picture import Picture, picture
from serving_layer.profile import Known, known_of
from serving_layer.reading import Freshness, Look, Reading
from serving_layer.repeated import Repeat, repeat
from serving_layer.settled import Answers, Reader, Remembered
from serving_layer.shared import Shared
from serving_layer.statements import Told, history

Result = TypeVar("Result")

# Answers that are remembered, at most, for who asks for lists: each takes about a kilobyte.
MOST_REMEMBERED: Final = 200_000

Asked = Sequence[tuple[str, str]]
"""Types and raw values, at most `reading.MOST`."""


class Desk:
    """Answers in one process."""

    def __init__(self, shared: Shared, audit: AuditLog, metrics: Metrics) -> None:
        self.shared = shared
        self.audit = audit
        self.metrics = metrics
        self._remembered = Remembered(MOST_REMEMBERED)

    async def lookup(self, who: Principal, asked: Asked, as_of: int | None = None) -> Answers:
        """Who these are; with `as_of` (microseconds), who they were then.

        Raises Refused (429), UnknownTypeError, and SchemaError where nothing can be answered.
        """
        spend(who, len(asked))
        reader = reader_of(who)
        if as_of is None:
            standing = self.shared.generations.current
            answers = await self.ask(settled.lookup(standing, reader, asked, self._remembered), who.tenant)
        else:
            standing = standing_at(self.shared.generations, as_of)
            answers = settled.told(answered(standing, questions.lookup(standing, who.tenant, asked)), reader)
        self._told(who, "lookup", answers.ids, len(asked), stale=answers.freshness.stale)
        return answers

    def beneath(self, who: Principal, asked: Asked) -> Repeat | None:
        """What a question comes to unless the stream says otherwise; None where that must be asked first."""
        standing, reader = self.shared.generations.current, reader_of(who)
        found = []
        for type_, raw in asked:
            one = settled.beneath(standing, reader, type_, raw)
            if one is None:
                return None
            found.append(one)
        return repeat(standing.number, found)

    def tell(
        self, who: Principal, asked: Asked, told: Callable[[Answers | None], None], *, anew: bool
    ) -> None:
        """`lookup` for who does not wait: `told` is called once. `anew`: whatever is remembered.

        With None where something is wrong: `lookup` says what.
        """
        question_of = settled.settle if anew else settled.lookup
        try:
            standing = self.shared.generations.current
            question = question_of(standing, reader_of(who), asked, self._remembered)
            look = next(question)
        except Exception:  # noqa: BLE001 - whatever it is, `lookup` says what
            told(None)
        else:
            self.shared.tell(_Asking(self, who, len(asked), question, look, told))

    def may(self, who: Principal, answers: Answers, count: int) -> bool:
        """Whether an answer may be given; then it is counted and noted."""
        try:
            spend(who, count)
            self._told(who, "lookup", answers.ids, count, stale=answers.freshness.stale)
        except (Refused, SchemaError):
            return False
        return True

    def give(self, found: Mapping[Principal, Sequence[Repeat]], *, stale: bool) -> set[Principal]:
        """Count and note answers before they are given, as one act of each who asks; says who may have his.

        For the others, the usual way says which of theirs they may not have.
        """
        may = set()
        for who, some in found.items():
            about = [id_ for one in some for id_ in one.about]
            try:
                spend(who, len(about))
                self.metrics.looked_up(len(about), 0, stale=len(some) if stale else 0)
                self.audit.note(_entry(who, "lookup", about, len(about)))
            except (Refused, SchemaError):
                continue
            may.add(who)
        return may

    async def customer(self, who: Principal, customer_id: str) -> tuple[Outcome | None, Freshness]:
        """Whom an id means. Raises Refused (429), and SchemaError where nothing can be answered."""
        spend(who, 1)
        question = questions.customer(who.tenant, customer_id)
        outcome, freshness = await self.ask(question, who.tenant)
        known = questions.ids_of([outcome] if outcome is not None else [])
        self._told(who, "customer", known, 1, stale=freshness.stale)
        return outcome, freshness

    async def known(self, who: Principal, customer: Outcome) -> Known:
        """What is known of a customer that was asked for. Raises SchemaError."""
        question = known_of(self.shared.generations, who.tenant, customer.members)
        try:
            keys = next(question)
            while True:
                keys = question.send(await self.shared.values(keys))
        except StopIteration as done:
            return cast("Known", done.value)

    async def explain(self, who: Principal, a: tuple[str, str], b: tuple[str, str]) -> Explanation:
        """Why two (type, raw value) pairs are one customer, or not. Raises as `lookup` does."""
        spend(who, 2)
        found = await self.ask(explain(who.tenant, a, b), who.tenant)
        self._told(who, "explain", questions.ids_of([found.a, found.b]), 2, stale=found.freshness.stale)
        return found

    async def permitted(
        self,
        who: Principal,
        about: Permission,
        *,
        identifiers: Sequence[tuple[str, str]] = (),
        customers: Sequence[str] = (),
    ) -> permissions.Checked:
        """Whether identifiers, or else customers, permit something now. Raises as `lookup` does."""
        count = len(identifiers) + len(customers)
        spend(who, count)
        now = time.time_ns() // 1_000
        if customers:
            question = permissions.check_customers(who.tenant, customers, about, now)
        else:
            current = self.shared.generations.current
            question = permissions.check(current, who.tenant, identifiers, about, now)
        checked = await self.ask(question, who.tenant)
        known = [one.customer_id for one in checked.found if one.customer_id is not None]
        self._told(who, "permissions", known, count, stale=checked.freshness.stale)
        return checked

    async def statements(self, who: Principal, asked: tuple[str, str] | str) -> Told:
        """What a customer stated, by an identifier or an id. Raises as `lookup` does."""
        spend(who, 1)
        told = await self.ask(history(self.shared.generations.current, who.tenant, asked), who.tenant)
        known = [] if told.customer_id is None else [told.customer_id]
        self._told(who, "statements", known, 1, stale=told.freshness.stale)
        return told

    async def picture(self, who: Principal, customer_id: str) -> tuple[Picture | None, Freshness]:
        """Whom an id means, as a graph. Raises as `customer` does."""
        spend(who, 1)
        found, freshness = await self.ask(picture(who.tenant, customer_id), who.tenant)
        known = questions.ids_of([found.outcome] if found is not None else [])
        self._told(who, "graph", known, 1, stale=freshness.stale)
        return found, freshness

    async def freshness(self) -> Freshness:
        """What answers rest on at this moment. Raises BrokenGeneration where there is nothing."""
        return (await self.shared.read(Look([]))).freshness

    async def ask(self, question: Generator[questions.Wanted, Any, Result], tenant: str) -> Result:
        """Read what a question wants, until it has its answer."""
        try:
            wanted = next(question)
            while True:
                if isinstance(wanted, str):
                    wanted = question.send(await self.shared.minted_from(tenant, wanted))
                else:
                    wanted = question.send(await self.shared.read(wanted))
        except StopIteration as done:
            return cast("Result", done.value)

    def _told(self, who: Principal, act: str, known: list[str], asked: int, *, stale: bool) -> None:
        """Count and note an answer before it is given. Raises Refused (429)."""
        unknown = asked - len(known)
        self.metrics.looked_up(len(known), unknown, stale=int(stale))
        account(who, unknown)
        self.audit.note(_entry(who, act, known, asked))


def reader_of(who: Principal) -> Reader:
    """What he may be told."""
    return Reader(who.tenant, "read" in who.scopes)


def _entry(who: Principal, act: str, about: list[str], asked: int) -> Entry:
    return Entry(who=who.id, tenant=who.tenant, act=act, about=about, asked=asked)


class _Asking:
    """A question that waits for nobody. No closure, which would hold itself, and wait for the collector."""

    __slots__ = ("_count", "_desk", "_look", "_question", "_told", "_who")

    requests: Final = 1

    def __init__(
        self,
        desk: Desk,
        who: Principal,
        count: int,
        question: Generator[Look, Any, Answers],
        look: Look,
        told: Callable[[Answers | None], None],
    ) -> None:
        self._desk = desk
        self._who = who
        self._count = count
        self._question = question
        self._look = look
        self._told = told

    def look(self) -> Look:
        return self._look

    def told(self, reading: Reading | Exception, asked: int, watched: int) -> None:
        """What it wanted to read is there: ask on, or tell."""
        if isinstance(reading, Exception):
            self._told(None)
            return
        try:
            self._look = self._question.send(reading.part(self._look, asked, watched))
        except StopIteration as done:
            answer = cast("Answers", done.value)
            may = self._desk.may(self._who, answer, self._count)
            self._told(answer if may else None)
        except Exception:  # noqa: BLE001 - likewise
            self._told(None)
        else:
            self._desk.shared.tell(self)
