"""What can be wrong with calls, and with the file that says who may call.

WebhookError
├── EndpointsError    webhooks.yaml cannot be used; `problems` lists path and remedy
└── Refused           a call that is not taken; its `status` is HTTP's, its `result` labels the metric
    ├── Forged        nothing shows that it comes from the service
    ├── Stale         it does, but from too long ago, or by a wrong clock
    └── TooMuch       it is larger than calls may be

No text repeats what a call brought.
"""

from http import HTTPStatus
from typing import ClassVar


class WebhookError(Exception):
    """The root of this tree."""


class EndpointsError(WebhookError):
    """A webhooks.yaml that cannot be used: each problem says where, what is wrong and what to write."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))


class Refused(WebhookError):
    """A call of which nothing is taken."""

    # Not 401: nobody is asked for a password, and some services take only 403 for a final answer.
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN
    result: ClassVar[str]


class Forged(Refused):
    """Nothing shows that the call comes from the service, or it is not what the service sent."""

    result = "forged"


class Stale(Refused):
    """The call is genuine, and too old or from the future."""

    result = "stale"


class TooMuch(Refused):
    """The call is larger than calls may be, or brings more events."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    result = "too_much"
