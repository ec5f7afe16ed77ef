"""Conditions: what meets them, and what does not."""

import pytest

from identity import Identifier
from schemas import Cause, CustomerChange, EmailEvent, WebEvent
from schemas import Identifier as Named
from speed_layer.triggers.definition import parse

CAUSE = Cause(topic="web.events", partition=0, offset=1, event_id="e1")


def web(kind="basket", **more):
    return WebEvent(event_id="e", occurred_at=1, kind=kind, identifiers={}, **more)


def mail(outcome, **more):
    return EmailEvent(event_id="e", occurred_at=1, outcome=outcome, identifiers={}, **more)


def trigger(when, more=""):
    return parse(f"triggers: {{t: {{when: {when}{more}}}}}")["t"]


@pytest.mark.parametrize(
    ("when", "event", "met"),
    [
        ("{web: {kind: basket}}", web(), True),
        ("{web: {kind: Basket}}", web("BASKET"), True),
        ("{web: {kind: basket}}", web("baskets"), False),
        ("{web: {kind: /^basket/}}", web("basket_add"), True),
        ("{web: {kind: /^basket/}}", web("Basket_add"), False),
        ("{web: {kind: /^basket/i}}", web("Basket_add"), True),
        ("{web: {kind: [a, basket]}}", web(), True),
        ("{web: {kind: basket, site: shop}}", web(), False),
        ("{web: {kind: basket, site: shop}}", web(site="Shop"), True),
        ("{web: {page: /checkout/}}", web(page="/shop/checkout/1"), True),
        ("{web: {properties: {basket.total: '/^[1-9]../'}}}", web(properties={"basket.total": "120"}), True),
        ("{web: {properties: {basket.total: '/^[1-9]../'}}}", web(properties={"basket.total": "12"}), False),
        ("{web: {properties: {vip: 'true'}}}", web(), False),
        ("{web: {kind: basket}}", mail("click"), False),
        ("{email: {outcome: hard_bounce}}", mail("hard_bounce"), True),
        ("{email: {outcome: hard_bounce}}", mail("soft_bounce"), False),
        ("{email: {outcome: /bounce/}}", mail("soft_bounce"), True),
        ("{email: {campaign_id: spring}}", mail("click", campaign_id="spring"), True),
        ("{web: {kind: unsubscribe}, email: {outcome: unsubscribe}}", mail("unsubscribe"), True),
        ("{web: {kind: unsubscribe}, email: {outcome: unsubscribe}}", web("unsubscribe"), True),
        ("{web: {kind: unsubscribe}, email: {outcome: unsubscribe}}", web("click"), False),
    ],
)
def test_events(when, event, met):
    assert trigger(when).begins(event) is met


def change(kind, gained, previous=(), cause=CAUSE):
    return CustomerChange(
        change_id="ch",
        kind=kind,
        at=1,
        customer_id="c_1",
        previous=list(previous),
        identifiers=[Named(*one) for one in gained],
        cause=cause,
        version=1,
        generation=0,
    )


LOGIN, PHONE, LAPTOP, EMAIL = ("login", "tom"), ("cookie", "1"), ("cookie", "2"), ("email", "tom@x.example")
DEVICE = "{change: {gained: cookie, known_by: [login, email]}}"
OR_VISITOR = "{change: {gained: cookie, known_by: [login, email], from_visitors: true}}"


@pytest.mark.parametrize(
    ("told", "members", "met", "or_visitor"),
    [
        # A cookie that nobody knew.
        (change("moved", [LAPTOP]), [LOGIN, PHONE, LAPTOP], True, True),
        (change("moved", [LAPTOP, EMAIL]), [LOGIN, PHONE, LAPTOP, EMAIL], True, True),
        # The visitor of that cookie is no customer yet, or becomes one just now.
        (change("moved", [LAPTOP]), [PHONE, LAPTOP], False, False),
        (change("moved", [LOGIN]), [PHONE, LOGIN], False, False),
        (change("moved", [LOGIN, LAPTOP]), [PHONE, LAPTOP, LOGIN], False, False),
        (change("created", [LOGIN, PHONE]), [LOGIN, PHONE], False, False),
        # A cookie of somebody else, which a family's device may be again and again.
        (change("moved", [LAPTOP], ["c_2"]), [LOGIN, PHONE, LAPTOP], False, False),
        (change("split", [LAPTOP], ["c_2"]), [LAPTOP], False, False),
        # Two customers became one.
        (change("merged", [EMAIL, LAPTOP], ["c_2"]), [LOGIN, PHONE, LAPTOP, EMAIL], False, False),
        (change("merged", [LOGIN, PHONE], ["c_2"]), [LOGIN, PHONE, LAPTOP, EMAIL], False, False),
        # A visitor turned out to be a customer; either may be the older one.
        (change("merged", [LAPTOP], ["c_2"]), [LOGIN, PHONE, LAPTOP], False, True),
        (change("merged", [LOGIN, PHONE], ["c_2"]), [LOGIN, PHONE, LAPTOP], False, True),
        (change("merged", [LAPTOP], ["c_2"]), [PHONE, LAPTOP], False, False),
        # A generation did it.
        (change("moved", [LAPTOP], cause=None), [LOGIN, LAPTOP], False, False),
        (change("erased", []), [], False, False),
    ],
)
def test_changes(told, members, met, or_visitor):
    known = [Identifier(*member) for member in members]
    assert trigger(DEVICE).when.met(told, known) is met
    assert trigger(OR_VISITOR).when.met(told, known) is or_visitor
