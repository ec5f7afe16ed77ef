"""The usual address takes a short cut: it must lead where the validator leads."""

from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from identity.errors import InvalidValueError
from identity.normalise import email

_words = st.text("abzAZ019.-_+", min_size=1, max_size=70)
_domains = st.text("abzAZ09.-", min_size=1, max_size=20)
_ends = st.sampled_from(
    ["", ".com", ".test", ".local", ".invalid", ".arpa", ".onion", ".Onion", ".xn--p1ai", ".c", ".9"]
)
addresses = st.builds(lambda local, domain, end: f"{local}@{domain}{end}", _words, _domains, _ends)


def validated(raw):
    try:
        checked = validate_email(raw.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return None
    return checked.normalized.lower()


def normalised(raw):
    try:
        return email(raw)
    except InvalidValueError:
        return None


@given(addresses | st.emails())
def test_the_short_cut_leads_where_the_validator_does(raw):
    assert normalised(raw) == validated(raw)
