"""webhooks.yaml: what it may say, and every problem at once."""

import pytest
import yaml

from speed_layer.webhooks import endpoints
from speed_layer.webhooks.endpoint import Cookie
from speed_layer.webhooks.errors import EndpointsError
from speed_layer.webhooks.service import HOUR
from tests.webhooks.senders import SENDERS

SECRET = "opensesame"
ENV = {"A": SECRET, "KEY": SENDERS["sendgrid"].secret}
GOOD = {"service": "mailgun", "secret": {"env": "A"}}


def read(text, tenant="default"):
    return endpoints.parse(text, tenant, ENV, lambda _: b"")


def problems(entry, name="a"):
    text = entry if isinstance(entry, str) else yaml.safe_dump({"endpoints": {name: entry}})
    with pytest.raises(EndpointsError) as caught:
        read(text)
    assert SECRET not in str(caught.value)
    return caught.value.problems


def test_all_that_an_endpoint_may_say():
    found = read("""
version: 1
endpoints:
  letters:
    service: sendgrid
    secret: {env: KEY}
    tenant: shop
    max_age: 15m
    address: mail
    cookie: {parameter: v, type: device}
    campaign: category
""")["letters"]
    assert (found.name, found.kind, found.tenant, found.max_age) == ("letters", "sendgrid", "shop", HOUR // 4)
    assert (found.address, found.cookie, found.campaign) == ("mail", Cookie("v", "device"), "category")


def test_what_it_may_leave_out():
    found = read(yaml.safe_dump({"endpoints": {"a": GOOD}}), tenant="mine")["a"]
    assert (found.tenant, found.max_age, found.address, found.cookie) == ("mine", 9 * HOUR, "email", None)


def test_a_secret_in_a_file(tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    entry = {**GOOD, "secret": {"file": str(tmp_path / "secret")}}
    assert read(yaml.safe_dump({"endpoints": {"a": entry}}))["a"].service._key == SECRET


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("endpoints: [", "is not YAML"),
        ("endpoints: {a: {}, a: {}}", "a is written twice"),
        ("version: 2\nendpoints: {}", "version: only version 1 is known"),
        ("endpoints: {}", "endpoints: name at least one"),
        ("[]", "the file: must be a mapping"),
        ("endpoint: {}", "did you mean 'endpoints'?"),
        ({}, "endpoints.a.service: write one of sendgrid, mailgun"),
        ({**GOOD, "service": "sendgird"}, "endpoints.a.service: write one of sendgrid, mailgun"),
        ({**GOOD, "tenent": "x"}, "endpoints.a.tenent: is no known key; did you mean 'tenant'?"),
        ({**GOOD, "topics": "x"}, "endpoints.a.topics: is no known key"),
        ({**GOOD, "tenant": "ä"}, "endpoints.a.tenant: write a name of letters"),
        ({**GOOD, "max_age": "soon"}, "endpoints.a.max_age: write a whole number and a unit"),
        ({**GOOD, "address": "e mail"}, "endpoints.a.address: a type is named by"),
        ({**GOOD, "cookie": "v"}, "endpoints.a.cookie: must be a mapping"),
        ({**GOOD, "cookie": {"type": "cookie"}}, "endpoints.a.cookie.parameter: write a text"),
        ({**GOOD, "cookie": {"parameter": "v", "type": 7}}, "endpoints.a.cookie.type: a type is named by"),
        ({**GOOD, "secret": SECRET}, "endpoints.a.secret: write {env: NAME_OF_A_VARIABLE} or {file:"),
        ({"service": "mailgun"}, "endpoints.a.secret: write {env: NAME_OF_A_VARIABLE} or {file:"),
        ({**GOOD, "secret": {"env": "NOT_SET"}}, "endpoints.a.secret: set the variable NOT_SET"),
        (
            {**GOOD, "secret": {"file": "/nowhere"}},
            "endpoints.a.secret: /nowhere cannot be read: No such file",
        ),
        ({**GOOD, "secret": {"env": "A", "file": "x"}}, "endpoints.a.secret: write {env:"),
        ({"service": "sendgrid", "secret": {"env": "A"}}, "must hold SendGrid's verification key"),
        ({"service": "mandrill", "secret": {"env": "A"}}, "endpoints.a.url: write a text, such as https://"),
        ({"service": "ses"}, "endpoints.a.topics: write a text, such as arn:aws:sns"),
        ({"service": "ses", "topics": ["all"]}, "endpoints.a.topics: write ARNs"),
        ({"service": "generic", "secret": {"env": "A"}}, "endpoints.a.fields.kind: is missing"),
        ({"service": "generic", "secret": {"env": "A"}}, "endpoints.a.outcomes: name at least one"),
        (
            {"service": "generic", "secret": {"env": "A"}, "outcomes": {"Read": "opened"}},
            "endpoints.a.outcomes.Read: write one of sent, delivered, open",
        ),
        (
            {"service": "generic", "secret": {"env": "A"}, "signature": {"encoding": "rot13"}},
            "endpoints.a.signature.encoding: write one of hex, base64",
        ),
    ],
)
def test_problems_name_their_place_and_a_remedy(entry, told):
    assert any(told in problem for problem in problems(entry))


def test_a_name_is_part_of_a_url():
    assert "is part of a URL" in problems(GOOD, "a/b")[0]


def test_all_problems_at_once():
    assert len(problems({"service": "generic", "max_age": 7, "tenant": "", "secret": {}})) >= 7


def test_a_secret_of_another_tenant():
    """Else a call to one could be sent to the other, and be believed there."""
    both = {"a": GOOD, "b": {**GOOD, "tenant": "another"}}
    with pytest.raises(EndpointsError, match=r"endpoints.b.secret: is the same as that of 'a', of another"):
        read(yaml.safe_dump({"endpoints": both}))
    assert read(yaml.safe_dump({"endpoints": {"a": GOOD, "b": GOOD}})).keys() == {"a", "b"}


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(EndpointsError, match="cannot be read"):
        endpoints.load(tmp_path / "webhooks.yaml", "default", ENV, lambda _: b"")
