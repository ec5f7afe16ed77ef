"""Conditions of segments, as people read them."""

import pytest

from identity import rulefile
from identity.wording import worded

HEAD = """
identifiers: {login: {rank: 1}}
profile: {country: {}, spent: {rule: sum}, news: {type: bool}, born: {type: date}}
segments:
"""


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("profile: {country: GB}", "country is GB"),
        ('profile: {country: [GB, IE, "/^U/"]}', "country is GB or IE or matches /^U/"),
        ("profile: {spent: {min: 500}}", "spent is at least 500"),
        ("profile: {spent: {max: 10}}", "spent is at most 10"),
        ("profile: {born: {min: 1990-01-01, max: 1999-12-31}}", "born is from 1990-01-01 to 1999-12-31"),
        ("profile: {news: true}", "news is true"),
        ("profile: {news: {known: true}}", "news is known"),
        ("profile: {news: {known: false}}", "news is not known"),
        ("events: [{web: {kind: purchase}}]", "at least once: web event whose kind is purchase"),
        (
            "events: [{web: {kind: purchase, properties: {size: [L, XL]}}, within: 180d, min: 3}]",
            "at least 3 times: web event whose kind is purchase, size is L or XL, within 180 days",
        ),
        (
            "events: [{web: {site: shop}, email: {outcome: click}, within: 90m, max: 0}]",
            "never: web event whose site is shop or email event whose outcome is click, within 90 minutes",
        ),
        ("events: [{web: {kind: a}, max: 2}]", "at most 2 times: web event whose kind is a"),
        ("events: [{web: {kind: a}, min: 2, max: 5}]", "2 to 5 times: web event whose kind is a"),
        ("events: [{web: {kind: a}, min: 1, max: 1}]", "exactly once: web event whose kind is a"),
        ("consents: [{purpose: ads}]", "ads is permitted"),
        (
            "consents: [{purpose: ads, channel: email, brand: north, status: [unknown, denied]}]",
            "ads (channel email) (brand north) is denied or never asked for",
        ),
    ],
)
def test_a_condition_is_a_sentence(condition, words):
    rules = rulefile.parse(f"{HEAD}  a: {{{condition}}}")
    assert worded(rules.segments["a"].when) == [words]
