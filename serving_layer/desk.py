"""The desk: asks questions for a principal, keeps to his budgets, and has it noted.

One place for all routes, so that no answer about a person can leave without a line in the audit log.
"""

import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar, cast

from identity import UnknownTypeError
from identity.consent import Permission
from schemas.errors import SchemaError
from serving_layer import permissions, questions
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
from serving_layer.remembered import Remembered
from serving_layer.shared import Shared
from serving_layer.statements import Told, history

Result = TypeVar("Result")


class Desk:
    """Answers in one process."""

    def __init__(self, shared: Shared, audit: AuditLog, metrics: Metrics) -> None:
        self.shared = shared
        self.audit = audit
        self._metrics = metrics
        self._remembered = Remembered()

    async def lookup(
        self, who: Principal, asked: Sequence[tuple[str, str]], as_of: int | None = None
    ) -> questions.Answer:
        """Who these are, at most `reading.MOST` of them; with `as_of` (microseconds), who they were then.

        Raises Refused (429), UnknownTypeError, and SchemaError where nothing can be answered.
        """
        spend(who, len(asked))
        if as_of is None:
            standing = self.shared.generations.current
            question = questions.lookup(standing, who.tenant, asked, self._remembered)
            answer = await self.ask(question, who.tenant)
        else:
            standing = standing_at(self.shared.generations, as_of)
            answer = answered(standing, questions.lookup(standing, who.tenant, asked))
        self._told(who, "lookup", _known(answer.found), len(asked), stale=answer.freshness.stale)
        return answer

    def tell(
        self, who: Principal, asked: Sequence[tuple[str, str]], told: Callable[[questions.Answer | None], None]
    ) -> None:
        """`lookup` for who does not wait: `told` is called once, which takes no task.

        With None where something is wrong: `lookup` says what.
        """

        def go_on(reading: Reading | Exception, mine: slice, watched: slice) -> None:
            if isinstance(reading, Exception):
                told(None)
                return
            try:
                wanted = question.send(reading.part(mine, watched))
            except StopIteration as done:
                told(self._counted(who, cast("questions.Answer", done.value)))
            except (SchemaError, UnknownTypeError):
                told(None)
            else:
                self.shared.tell(wanted, go_on)

        try:
            standing = self.shared.generations.current
            question = questions.lookup(standing, who.tenant, asked, self._remembered)
            first = next(question)
        except (SchemaError, UnknownTypeError):
            told(None)
        else:
            self.shared.tell(first, go_on)

    def _counted(self, who: Principal, answer: questions.Answer) -> questions.Answer | None:
        try:
            spend(who, len(answer.found))
            known = _known(answer.found)
            self._told(who, "lookup", known, len(answer.found), stale=answer.freshness.stale)
        except (Refused, SchemaError):
            return None
        return answer

    async def customer(self, who: Principal, customer_id: str) -> tuple[Outcome | None, Freshness]:
        """Whom an id means. Raises Refused (429), and SchemaError where nothing can be answered."""
        spend(who, 1)
        question = questions.customer(who.tenant, customer_id)
        outcome, freshness = await self.ask(question, who.tenant)
        known = _known([outcome] if outcome is not None else [])
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
        self._told(who, "explain", _known([found.a, found.b]), 2, stale=found.freshness.stale)
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
        known = _known([found.outcome] if found is not None else [])
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
        self._metrics.looked_up(len(known), unknown, stale=stale)
        account(who, unknown)
        self.audit.note(Entry(who=who.id, tenant=who.tenant, act=act, about=known, asked=asked))


def _known(found: Sequence[Outcome]) -> list[str]:
    """The ids of those that are a customer."""
    return [outcome.customer[0] for outcome in found if outcome.customer is not None]
