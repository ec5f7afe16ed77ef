"""The same people, of whom more is known: attributes, permissions, and whether their addresses still work.

What that costs lookups is seen beside those of whom it is not: see `ucid bench serve`, part "telling".
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from benchmarks.serve.people import START, Event, People, Said
from benchmarks.speed import telling
from identity import Facts, Identifier, Observer
from identity.consent import Statement, permission
from identity.profile import claims, strongest
from schemas.claims import WEB_SOURCE

TOWN = "Leeds"
_DETAILS = {"town": TOWN, "newsletter": "true", "spent": "25"}


class TellingPeople(People):
    """Each has details, and words on marketing and on being joined; addresses were clicked on, or bounced."""

    rules_text: ClassVar = telling.rules()

    def facts(self, events: Iterable[Event], at: int = START) -> Facts:
        """What events say, and signs: an address without a login bounced last, and is stale."""
        observer = Observer(self.rules)
        told = list(events)
        found = super().facts(told, at)
        for number, event in enumerate(told):
            known = [Identifier(*pair) for pair in event.items()]
            observer.tell(found, known, "click", at + number, may_fail=True)
            if "login" not in event:
                observer.tell(found, known, "hard_bounce", at + len(told), may_fail=True)
            observer.hear(found, known, {permission(self.rules.joining): Statement(at, withdrawn=False)})
        return found

    def says(self, known: Sequence[Identifier], at: int = START) -> Said:
        """A word of each on marketing by e-mail, and details of the strongest."""
        word = {permission("marketing", "email"): Statement(at, withdrawn=False)}
        owner = strongest(known, self.rules)
        assert owner is not None, "nobody is known by nothing"
        told = claims(self.rules, _DETAILS, WEB_SOURCE, str(at), at, at)
        return Said(dict.fromkeys(known, word), {owner: {name: [claim] for name, claim, _ in told}})
