"""How good is a partition of identifiers into customers, where the truth is known?

The pairwise measures of Menestrina, Whang and Garcia-Molina, "Evaluating Entity Resolution Results"
(PVLDB 3(1), 2010). Take every pair of identifiers whose owner is known:

- *precision*: of the pairs that share a customer, the share that belong to one person;
- *recall*: of the pairs that belong to one person, the share that share a customer;
- *F1*: the harmonic mean of the two.

Identifiers of unknown owner (shared, junk) count in neither. One that has an owner but is in no customer
stands alone, and so costs recall. Where there are no pairs to judge, a measure is 1: nothing is wrong.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import comb


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Counts of pairs, people and customers; the measures follow from them."""

    joined: int  # pairs that share a customer
    belonging: int  # pairs that belong to one person
    right: int  # pairs that do both
    whole: int  # people all of whose identifiers are in one customer
    split: int  # all other people
    mixed: int  # customers with identifiers of more than one person

    @property
    def precision(self) -> float:
        """The share of joined pairs that belong together."""
        return self.right / self.joined if self.joined else 1.0

    @property
    def recall(self) -> float:
        """The share of pairs belonging together that were joined."""
        return self.right / self.belonging if self.belonging else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        pairs = self.joined + self.belonging
        return 2 * self.right / pairs if pairs else 1.0


def measure(customers: Iterable[Iterable[tuple[str, str]]], truth: Mapping[tuple[str, str], str]) -> Accuracy:
    """Compare disjoint customers, each of (type, value) pairs, with who owns each of these in truth.

    Pairs are counted by the contingency table of customers and people, in time linear in the identifiers.
    """
    owned = Counter(truth.values())
    joined = right = mixed = 0
    whole: set[str] = set()
    for members in customers:
        people = Counter(truth[member] for member in members if member in truth)
        joined += comb(people.total(), 2)
        right += sum(comb(count, 2) for count in people.values())
        mixed += len(people) > 1
        whole.update(person for person, count in people.items() if count == owned[person])
    return Accuracy(
        joined=joined,
        belonging=sum(comb(count, 2) for count in owned.values()),
        right=right,
        whole=len(whole),
        split=len(owned) - len(whole),
        mixed=mixed,
    )
