"""The pairwise measures against enumerating all pairs."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.demo.accuracy import Accuracy, measure

IDENTIFIERS = [("cookie", str(i)) for i in range(12)]
# Who owns each identifier and which customer holds it; None: nobody, none.
labels = st.lists(
    st.none() | st.sampled_from("abcd"), min_size=len(IDENTIFIERS), max_size=len(IDENTIFIERS)
).map(lambda chosen: {i: label for i, label in zip(IDENTIFIERS, chosen, strict=True) if label})


def grouped(holder):
    customers = {}
    for identifier, customer in holder.items():
        customers.setdefault(customer, []).append(identifier)
    return list(customers.values())


@given(labels, labels)
def test_equals_enumerating_the_pairs(truth, holder):
    pairs = list(combinations(truth, 2))
    joined = {(a, b) for a, b in pairs if holder.get(a, a) == holder.get(b, b)}
    belonging = {(a, b) for a, b in pairs if truth[a] == truth[b]}
    people = grouped(truth)
    whole = sum(any(set(own) <= set(customer) for customer in grouped(holder)) for own in people)
    assert measure(grouped(holder), truth) == Accuracy(
        joined=len(joined),
        belonging=len(belonging),
        right=len(joined & belonging),
        whole=whole,
        split=len(people) - whole,
        mixed=sum(len({truth[i] for i in c if i in truth}) > 1 for c in grouped(holder)),
    )


@given(labels)
def test_the_truth_itself_is_perfect(truth):
    found = measure(grouped(truth), truth)
    assert (found.precision, found.recall, found.f1, found.split, found.mixed) == (1, 1, 1, 0, 0)


def test_a_worked_example():
    a, b, c, d, e = IDENTIFIERS[:5]
    found = measure([[a, b, d], [c, e]], {a: "ann", b: "ann", c: "ann", d: "bob"})
    assert found == Accuracy(joined=3, belonging=3, right=1, whole=1, split=1, mixed=1)
    assert found.precision == pytest.approx(1 / 3)
    assert found.recall == pytest.approx(1 / 3)
    assert found.f1 == pytest.approx(1 / 3)


def test_what_is_in_no_customer_costs_recall_and_its_owner_is_not_whole():
    a, b, c = IDENTIFIERS[:3]
    found = measure([[a]], {a: "ann", b: "ann", c: "bob"})
    assert found == Accuracy(joined=0, belonging=1, right=0, whole=0, split=2, mixed=0)
    assert (found.precision, found.recall, found.f1) == (1, 0, 0)
