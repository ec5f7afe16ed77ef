"""The desk: asks questions for a principal, keeps to his budgets, and has it noted.

One place for all routes, so that no answer about a person can leave without a line in the audit log.
"""

from collections.abc import Generator, Sequence
from typing import Any, TypeVar, cast

from serving_layer import questions
from serving_layer.access.audit import AuditLog, Entry
from serving_layer.access.gate import account, spend
from serving_layer.access.principal import Principal
from serving_layer.explanation import Explanation, explain
from serving_layer.metrics import Metrics
from serving_layer.outcome import Outcome
from serving_layer.past import answered, standing_at
from serving_layer.profile import Known, known_of
from serving_layer.reading import Freshness, Look
from serving_layer.remembered import Remembered
from serving_layer.shared import Shared

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
        known = [outcome.customer[0] for outcome in answer.found if outcome.customer is not None]
        unknown = len(asked) - len(known)
        freshness = answer.freshness
        self._metrics.looked_up(len(known), unknown, stale=freshness.stale)
        account(who, unknown)
        self.audit.note(Entry(who=who.id, tenant=who.tenant, act="lookup", about=known, asked=len(asked)))
        return answer

    async def customer(self, who: Principal, customer_id: str) -> tuple[Outcome | None, Freshness]:
        """Whom an id means. Raises Refused (429), and SchemaError where nothing can be answered."""
        spend(who, 1)
        question = questions.customer(who.tenant, customer_id)
        outcome, freshness = await self.ask(question, who.tenant)
        self._metrics.looked_up(outcome is not None, outcome is None, stale=freshness.stale)
        account(who, outcome is None)
        about = [outcome.customer[0]] if outcome is not None and outcome.customer is not None else []
        self.audit.note(Entry(who=who.id, tenant=who.tenant, act="customer", about=about, asked=1))
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
        about = [end.customer[0] for end in (found.a, found.b) if end.customer is not None]
        self._metrics.looked_up(len(about), 2 - len(about), stale=found.freshness.stale)
        account(who, 2 - len(about))
        self.audit.note(Entry(who=who.id, tenant=who.tenant, act="explain", about=about, asked=2))
        return found

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
