"""Events that tell more than who it was: attributes, permissions, purchases; and rules that use all of it.

What it costs is seen beside the same events without: see `ucid bench speed`, part "telling".
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from deploy.beginning import STARTER_RULES
from schemas import WebEvent

_FORM: Final = 20  # one event in so many brings a form with attributes
_BANNER: Final = 50  # one says what is permitted
_PURCHASE: Final = 50  # one is a purchase

_TOWNS = ("Bath", "Cork", "Leeds", "Perth", "York")

MORE_RULES: Final = """
profile:
  town:       {rule: newest}
  spent:      {rule: sum, type: number}
  newsletter: {type: bool}
segments:
  good:     {profile: {spent: {min: 500}}}
  regulars: {events: [{web: {kind: purchase}, within: 180d, min: 3}]}
  invited:
    profile:  {newsletter: true}
    consents: [{purpose: marketing, channel: email}]
"""


def rules() -> str:
    """The starter rules, stale addresses among them, and rules for all that is told."""
    return STARTER_RULES.read_text(encoding="utf-8") + MORE_RULES


def telling(events: Iterable[WebEvent]) -> Iterator[WebEvent]:
    """The same events in the same order; what some of them tell besides."""
    return (_told(number, event) for number, event in enumerate(events))


def _told(number: int, event: WebEvent) -> WebEvent:
    if number % _FORM == 0:
        form = {"town": _TOWNS[number // _FORM % len(_TOWNS)], "newsletter": "true"}
        return msgspec.structs.replace(event, properties=form)
    if number % _BANNER == 1:
        return msgspec.structs.replace(event, consent={"marketing": number % 3 > 0})
    if number % _PURCHASE == 2:
        return msgspec.structs.replace(event, kind="purchase", properties={"spent": str(1 + number % 90)})
    return event
