"""Single lookups that are asked at the same time, gathered into lists.

While one list is under way, whatever is asked meanwhile waits for the next: who asks alone waits for nobody,
and the more there are, the more share a request (group commit, as databases do it with their logs).
"""

from collections import deque
from typing import Generic, Protocol, TypeVar

from serving_layer.client.core import TOGETHER, Pair
from serving_layer.client.errors import UcidError, WrongRequest
from serving_layer.shapes import Found


class Ticket(Protocol):
    """A future of either kind."""

    def done(self) -> bool:
        """Whether there is a result, or nobody waits any more."""

    def set_result(self, result: Found | None, /) -> None:
        """There it is."""

    def set_exception(self, exception: BaseException, /) -> None:
        """There is none."""


T = TypeVar("T", bound=Ticket)


class Gathering(Generic[T]):
    """Who waits. Its methods take moments; whoever shares it between threads need not lock it."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Pair, T]] = deque()

    def add(self, pair: Pair, ticket: T) -> None:
        """One more."""
        self._waiting.append((pair, ticket))

    def some(self) -> list[tuple[Pair, T]]:
        """The next list: those who waited longest."""
        found: list[tuple[Pair, T]] = []
        while self._waiting and len(found) < TOGETHER:
            pair, ticket = self._waiting.popleft()
            if not ticket.done():
                found.append((pair, ticket))
        return found

    def back(self, batch: list[tuple[Pair, T]]) -> None:
        """A list that was not asked after all, because who would have asked it went away."""
        self._waiting.extendleft(reversed(batch))


def answer(batch: list[tuple[Pair, T]], results: list[Found | None]) -> None:
    """Give everybody of a list what was found."""
    for (_, ticket), result in zip(batch, results, strict=True):
        if not ticket.done():
            ticket.set_result(result)


def fail(batch: list[tuple[Pair, T]], error: UcidError) -> list[list[tuple[Pair, T]]]:
    """Give everybody the error. Where one may have spoilt it for all, the lists to try instead."""
    if isinstance(error, WrongRequest) and len(batch) > 1:
        half = len(batch) // 2
        return [batch[:half], batch[half:]]
    for _, ticket in batch:
        if not ticket.done():
            ticket.set_exception(error)
    return []
