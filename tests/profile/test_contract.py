"""serve(batch(prefix), speed(suffix)) = the reference, for profiles and segments: any cut and order."""

from collections import defaultdict
from itertools import count
from shutil import rmtree

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity import Facts, Identifier, Minter, resolve, rulefile
from identity.consent import merge
from identity.profile import merged, profile
from identity.segments import segments
from schemas import Consent, WebEvent, overlay
from schemas.absorb import id_of
from schemas.claims import claimed, encode_registers, profile_key
from schemas.stated import stated
from serving_layer.view import ServingView
from speed_layer.consents import Consents
from speed_layer.profiles import Profiles
from tests.graph.published import built, entries, publish
from tests.graph.stream import Stream

RULES = """
identifiers:
  login:  {rank: 1, unique: true}
  mail:   {rank: 2, max: 2}
  cookie: {rank: 9, hot: 3}
profile:
  name:       {rule: most_trusted, sources: [self_service, web]}
  spent:      {rule: sum}
  subscribed: {rule: all_true, type: bool}
  town:       {}
segments:
  buyers:  {events: [{web: {kind: form}, min: 2, within: 5s}]}
  rare:    {events: [{web: {kind: form}, max: 1}], unless: {profile: {town: Bath}}}
  unknown: {profile: {town: {known: false}}}
  mailed:  {consents: [{purpose: ads, channel: email}], unless: {consents: [{purpose: news}]}}
  silent:  {consents: [{purpose: ads, status: [denied, unknown]}]}
"""
MINTER = Minter(b"a key for tests")
AS_OF = 8_000_000
directories = count()

by_type = st.dictionaries(
    st.sampled_from(["login", "mail", "cookie"]),
    st.lists(st.sampled_from("ab"), min_size=1, max_size=2, unique=True),
    min_size=1,
)
seconds = st.integers(0, 9).map((1_000_000).__mul__)
numbers = st.text("0123456789", min_size=6, max_size=6)
words = st.builds(
    Consent,
    consent_id=numbers,
    stated_at=seconds,
    status=st.sampled_from(["granted", "withdrawn"]),
    identifiers=by_type,
    purpose=st.sampled_from(["ads", "news"]),
    channel=st.sampled_from(["", "email", "sms"]),
    valid_from=st.none() | seconds,
    valid_until=st.none() | seconds,
)
events = words | st.builds(
    WebEvent,
    consent=st.dictionaries(st.sampled_from(["ads", "news"]), st.booleans()),
    event_id=numbers,
    occurred_at=seconds,
    kind=st.sampled_from(["form", "profile_update"]),
    identifiers=by_type,
    properties=st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(["Ann", "Tom"]),
            "spent": st.sampled_from(["1", "2.5", "much"]),
            "subscribed": st.sampled_from(["true", "false"]),
            "town": st.sampled_from(["Bath", "York", "null"]),
        },
    ),
)


def identifiers(event):
    return [Identifier(type_, value) for type_, values in event.identifiers.items() for value in values]


def facts_of(log):
    facts = Facts()
    for at, event in log:
        if isinstance(event, WebEvent):
            facts.add_sighting(identifiers(event), event.occurred_at, at)
        else:
            for x in identifiers(event):
                facts.add_sighting([x], event.stated_at, at)
    return facts


def claims_of(log, rules):
    """Identifier -> attribute -> claims."""
    found = defaultdict(lambda: defaultdict(list))
    for at, event in log:
        owner, told = claimed(event, identifiers(event), rules, at)
        for name, claim, fault in told:
            if fault is None:
                found[owner][name].append(claim)
    return found


def registers(log, rules):
    return {
        x: merged(rules, {name: tuple(some) for name, some in by_name.items()})
        for x, by_name in claims_of(log, rules).items()
    }


def said(log, rules):
    """Identifier -> permission -> the statement that holds."""
    found = defaultdict(dict)
    for at, event in log:
        for x in identifiers(event):
            found[x] = merge(found[x], stated(event, rules, at))
    return found


def known(rules, log, customer, as_of):
    held, words_ = registers(log, rules), said(log, rules)
    members = [held.get(x, {}) for x in customer.members]
    found = profile(rules, members)
    permits = [words_.get(x, {}) for x in customer.members]
    return found, segments(rules, found, members, as_of, permits)


@given(st.lists(events, max_size=12, unique_by=id_of), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_profile_is_what_the_whole_log_says(redis, tmp_path, log, data):
    redis.flushall()
    rules = rulefile.parse(RULES)
    log = list(enumerate(log))
    cut = data.draw(st.integers(0, len(log)))
    facts = facts_of(log[:cut])
    graph, handed_on = built(facts, rules, MINTER, AS_OF)
    held = [
        (profile_key("default", x), encode_registers(known))
        for x, known in registers(log[:cut], rules).items()
    ]
    permitted = [(x, *word) for x, some in said(log[:cut], rules).items() for word in some.items()]
    root = tmp_path / str(next(directories))
    generation = publish(
        root,
        sorted(entries(graph, said=permitted) + held),
        as_of=AS_OF,
        rules=RULES,
        fingerprint=rules.fingerprint,
    )
    stream = Stream(redis, generation, rules, MINTER, AS_OF)
    profiles, consents = (
        Profiles(redis, 1, stream.state, rules),
        Consents(redis, generation, stream.state),
    )
    # Some of what the generation knows comes again, as it does after a crash, and some of the rest twice.
    suffix = log[cut:]
    again = data.draw(st.lists(st.sampled_from(log), max_size=4)) if log else []
    arrivals = data.draw(st.permutations(suffix + again))
    batches = data.draw(st.integers(1, 3))
    for i in range(batches):
        stream.apply(facts_of(arrivals[i::batches]))
        profiles.write("default", claims_of(arrivals[i::batches], rules))
        consents.apply("default", said(arrivals[i::batches], rules))
    redis.set(overlay.LIVE, 1)

    expected = resolve(facts_of(log), rules, minter=MINTER, as_of=AS_OF, published=handed_on)
    view = ServingView(redis, root, "default")
    assert sorted(view.customers()) == expected.customers
    for customer in expected.customers:
        assert view.known(customer)[:2] == known(rules, log, customer, AS_OF)
    redis.delete(overlay.LIVE)  # it lost its data: the generation answers alone
    for customer in expected.customers:
        assert view.known(customer)[:2] == known(rules, log[:cut], customer, AS_OF)
    del generation, view, stream
    rmtree(root)
