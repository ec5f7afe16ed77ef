"""How Hypothesis makes each kind of record: `st.from_type(WebEvent)`, and so on."""

import re

from hypothesis import strategies as st

from schemas import (
    Cause,
    Consent,
    CustomerChange,
    CustomerTrigger,
    DeadLetter,
    Decision,
    EmailEvent,
    Erasure,
    Identifier,
    WebEvent,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
WORD = TEXT.filter(str.strip)
ID = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=256)
TYPE = st.from_regex(re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII), fullmatch=True)
TENANT = st.from_regex(re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII), fullmatch=True)
# 1990 to 2026: what every check against a clock set to 2026 lets through.
TIME = st.integers(631_152_000_000_000, 1_767_225_600_000_000)
LONG = st.integers(-(2**63), 2**63 - 1)
INT = st.integers(-(2**31), 2**31 - 1)
IDENTIFIERS = st.dictionaries(TYPE, st.lists(TEXT, max_size=4), max_size=5)
PROPERTIES = st.dictionaries(TEXT, TEXT, max_size=4)
IDENTIFIER = st.builds(Identifier, type=TYPE, value=TEXT)
CAUSE = st.builds(Cause, topic=TEXT, partition=INT, offset=LONG, event_id=TEXT)

st.register_type_strategy(
    WebEvent,
    st.builds(
        WebEvent,
        event_id=ID,
        tenant=TENANT,
        occurred_at=TIME,
        site=TEXT,
        kind=TEXT,
        identifiers=IDENTIFIERS,
        page=TEXT,
        properties=PROPERTIES,
        consent=st.dictionaries(WORD, st.booleans(), max_size=3),
    ),
)
st.register_type_strategy(
    EmailEvent,
    st.builds(
        EmailEvent,
        event_id=ID,
        tenant=TENANT,
        occurred_at=TIME,
        message_id=TEXT,
        campaign_id=TEXT,
        identifiers=IDENTIFIERS,
        properties=PROPERTIES,
    ),
)
st.register_type_strategy(
    Consent,
    st.builds(
        Consent,
        consent_id=ID,
        tenant=TENANT,
        stated_at=TIME,
        status=st.just("granted"),
        identifiers=IDENTIFIERS.filter(lambda found: any(found.values())),
        purpose=WORD,
        channel=TEXT,
        brand=TEXT,
        locale=TEXT,
        valid_from=st.none() | TIME,
        valid_until=st.none() | TIME.map(lambda at: at + 2 * 10**15),
        source=TEXT,
        proof=TEXT,
    )
    | st.builds(
        Consent,
        consent_id=ID,
        stated_at=TIME,
        status=st.just("withdrawn"),
        identifiers=st.just({"email": ["a"]}),
        purpose=WORD,
        valid_from=st.none(),
        valid_until=st.none(),
    ),
)
st.register_type_strategy(
    Decision,
    st.builds(
        Decision,
        decision_id=ID,
        tenant=TENANT,
        decided_at=TIME,
        a=IDENTIFIER,
        b=IDENTIFIER,
        who=TEXT,
        why=TEXT,
    ),
)
st.register_type_strategy(
    Erasure,
    st.builds(
        Erasure,
        erasure_id=ID,
        tenant=TENANT,
        requested_at=TIME,
        identifiers=st.lists(IDENTIFIER, min_size=1, max_size=3),
        tombstones=st.lists(st.binary(min_size=16, max_size=16).map(bytes.hex), max_size=3),
        through=LONG,
        who=TEXT,
    ),
)
st.register_type_strategy(
    CustomerChange,
    st.builds(
        CustomerChange,
        change_id=ID,
        tenant=TENANT,
        at=TIME,
        customer_id=TEXT,
        previous=st.lists(TEXT, max_size=3),
        identifiers=st.lists(IDENTIFIER, max_size=3),
        cause=st.none() | CAUSE,
        version=LONG,
        generation=LONG,
    ),
)
st.register_type_strategy(
    CustomerTrigger,
    st.builds(
        CustomerTrigger,
        trigger_id=ID,
        tenant=TENANT,
        trigger=TEXT,
        at=TIME,
        customer_id=TEXT,
        cause=CAUSE,
        purpose=TEXT,
        channel=TEXT,
    ),
)
st.register_type_strategy(
    DeadLetter,
    st.builds(
        DeadLetter,
        topic=TEXT,
        partition=INT,
        offset=LONG,
        ingested_at=TIME,
        value=st.binary(max_size=200),
        key=st.none() | st.binary(max_size=20),
        reason=TEXT,
    ),
)
