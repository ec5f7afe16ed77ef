"""A small world to ask about: a generation, a stream on top, and no Kafka."""

from identity import Facts, Identifier, Minter, Observer, rulefile
from identity.consent import Permission, Statement
from schemas import Cause, CustomerChange, overlay
from schemas import Identifier as Sent
from speed_layer.consents import Consents
from tests.graph.published import built, entries, publish
from tests.graph.stream import Stream

RULES = """
identifiers:
  login:  {rank: 1, unique: true, block: ["test"]}
  email:  {rank: 2, normalise: email, max: 5}
  cookie: {rank: 9, max: 50, hot: 3}
profile:
  town:  {}
  spent: {rule: sum, sources: [billing]}
  news:  {type: bool, sources: [crm, self_service]}
"""
TOM = {"login": "tom", "email": "tom@example.com"}
ANN = {"login": "ann", "email": "ann@example.com"}
KINDS = ("created", "merged", "split", "moved")
HOT = [{"cookie": "kiosk", "email": f"visitor{i}@example.com"} for i in range(4)]


def identifiers(event):
    return {Identifier(type_, value) for type_, value in event.items()}


def change(i, tenant="default", customer_id=None, kind=None):
    return CustomerChange(
        change_id=f"h{i}",
        tenant=tenant,
        kind=kind or KINDS[i % 4],
        at=1_700_000_000_000_000 + i * 1_000_000,
        customer_id=customer_id or f"c_{i}",
        previous=["c_before"] * (i % 3),
        identifiers=[Sent("cookie", str(i))],
        cause=Cause(topic="web.events", partition=0, offset=i, event_id=f"e{i}") if i % 2 else None,
        version=1,
        generation=1,
    )


class World:
    """Events are numbered as they come; each `publish` makes a generation of all that was said to it."""

    def __init__(self, redis, root, tenant="default", rules=RULES):
        self.redis = redis
        self.root = root
        self.rules_text = rules
        self.rules = rulefile.parse(rules)
        self.minter = Minter(b"a key for tests", tenant)
        self._now = 0
        self.said = []
        self.handed_on = None
        self.generation = None
        self.stream = None

    def facts(self, *events):
        """What events say, one of them after the other; a list as a value stands for several values."""
        facts, observer = Facts(), Observer(self.rules)
        for event in events:
            self._now += 1
            values = {type_: [value] for type_, value in event.items()}
            observer.observe(facts, values, {}, self._now, self._now)
        return facts

    def publish(self, *events, number=1, as_of=None):
        """A generation of these events; without any, of those that every test knows."""
        facts = self.facts(*(events or (TOM, ANN, *HOT)))
        view, self.handed_on = built(facts, self.rules, self.minter)
        self.generation = publish(
            self.root,
            entries(view, self.minter.tenant, self.said),
            number,
            as_of=as_of,
            rules=self.rules_text,
            fingerprint=self.rules.fingerprint,
        )
        return self.generation

    def go_live(self):
        """Readers stand on the newest generation, with a stream on top of it."""
        self.stream = Stream(self.redis, self.generation, self.rules, self.minter)
        self.redis.set(overlay.LIVE, self.generation.number)

    def apply(self, *events):
        """Events arrive by the stream, each on its own."""
        for event in events:
            self.stream.apply(self.facts(event))

    def state(self, x, purpose="ads", *, withdrawn=False, live=True, **more):
        """An identifier grants or withdraws, by the stream or (not live) for the next generation."""
        self._now += 1
        channel = more.pop("channel", "")
        statement = Statement(self._now, withdrawn, ingested_at=self._now, **more)
        self.said.append((Identifier(*x), Permission(purpose, channel), statement))
        if live:
            consents = Consents(self.redis, self.generation, self.stream.state)
            consents.apply(self.minter.tenant, {Identifier(*x): {Permission(purpose, channel): statement}})

    def mailed(self, outcome, **event):
        """What became of a mail, by the stream."""
        facts = self.facts(event)
        Observer(self.rules).tell(facts, identifiers(event), outcome, self._now, may_fail=True)
        self.stream.apply(facts)

    def spoken(self, purpose, *, withdrawn, **event):
        """Somebody permits or withdraws a purpose by these identifiers, by the stream."""
        facts = self.facts(event)
        claims = {Permission(purpose): Statement(self._now, withdrawn, ingested_at=self._now)}
        Observer(self.rules).hear(facts, identifiers(event), claims)
        self.stream.apply(facts)

    def decide(self, a, b, verdict):
        self._now += 1
        facts = Facts()
        facts.add_decision(Identifier(*a), Identifier(*b), verdict, self._now, self._now)
        self.stream.apply(facts)
