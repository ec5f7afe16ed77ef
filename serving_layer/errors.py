"""A request that is refused, and how that is told."""

from collections.abc import Mapping
from types import MappingProxyType


class Refused(Exception):
    """What the caller is to change, the status to say it with, and a word for the metrics."""

    def __init__(
        self, status: int, text: str, reason: str, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.headers = headers
