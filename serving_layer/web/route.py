"""The table of routes: method, path, what it takes to pass, and what answers."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from serving_layer.access.principal import Principal
from serving_layer.web.message import Request, Response, Stream

Handler = Callable[[Request], Awaitable[Response | Stream]]

Told = Callable[[bytes | None], None]
"""Takes the body of an answer; or None, where the request is to be made in the usual way. Called once."""

AtOnce = Callable[[Principal, bytes, float, Told], None]
"""Takes who asks, a body, since when, and whom to tell, once: what to answer with 200, or None for `handle`.

It measures what it answers.
"""

# Bytes of a body, unless a route says otherwise.
MOST_BYTES: Final = 1 << 16

_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Route:
    """One route. A path's part in braces matches anything but a slash; `scope` None is open to all.

    `most` is how many bytes its body may have; `at_once` answers some of its requests without a task.
    """

    method: str
    path: str
    handle: Handler
    scope: str | None
    most: int = MOST_BYTES
    at_once: AtOnce | None = None

    @property
    def name(self) -> str:
        """What metrics call it: holds nothing of a request."""
        return f"{self.method} {self.path}"


class Table:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._exact = {(route.method, route.path): route for route in self.routes if "{" not in route.path}
        self._patterns = [(route.path.split("/"), route) for route in self.routes if "{" in route.path]

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The route, and what stands for its parts in braces."""
        route = self._exact.get((method, path))
        if route is not None:
            return route, _NOTHING
        parts = path.split("/")
        for pattern, candidate in self._patterns:
            if candidate.method == method and (params := _match(pattern, parts)) is not None:
                return candidate, params
        return None

    def methods(self, path: str) -> list[str]:
        """The methods that a path has."""
        methods = {route.method for route in self.routes}
        return sorted(method for method in methods if self.find(method, path))


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(parts):
        return None
    params = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            if not part:
                return None
            params[wanted[1:-1]] = part
        elif wanted != part:
            return None
    return params
