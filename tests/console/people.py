"""A small shop for the console: people with a story, a shared laptop, and a customer too large to draw."""

import json
from datetime import UTC, datetime, timedelta

from batch_layer.health import Certainty, Count, Health, Largest, Size
from batch_layer.movement import Movement
from batch_layer.parity import Parity
from batch_layer.report import Past, Phase, Report
from schemas.counted import Counted, Fed, Source

RULES = """
version: 1
identifiers:
  login:  {rank: 1, unique: true}
  card:   {rank: 2, max: 3}
  email:  {rank: 3, normalise: email, max: 5}
  phone:  {rank: 4, normalise: phone, region: GB, max: 5, certainty: 0.9}
  cookie: {rank: 9, max: 1000, hot: 20, certainty: 0.6}
profile:
  spent: {rule: sum, sources: [billing]}
segments:
  regulars:
    profile: {spent: {min: 500}}
    unless: {events: [{email: {outcome: hard_bounce}, within: 365d}]}
    key: true
  sleepers: {events: [{web: {kind: purchase}, within: 90d, max: 0}]}
"""

HOSTILE = "<img src=x onerror=document.title='owned'>"
LARGE = 350
_BEGIN = datetime(2026, 3, 1, 9, tzinfo=UTC)

_STORY = [
    {"cookie": "laptop"},
    {"cookie": "laptop", "login": "anna.berg"},
    {"login": "anna.berg", "email": "anna.berg@example.com"},
    {"email": "anna.berg@example.com", "phone": "+44 20 7946 0958"},
    {"cookie": "phone-7c1", "email": "anna.berg@example.com"},
    {"cookie": "tablet-22", "login": "anna.berg"},
    {"card": "4021-77", "phone": "+44 20 7946 0958"},
    {"login": "ben.cole", "email": "ben@example.com"},
    # They share the tablet, and Ben is the last one who used it.
    {"cookie": "tablet-22", "login": "ben.cole"},
    {"login": "carla", "email": "carla@example.com"},
    {"login": "dan", "email": "dan@example.com"},
    {"login": "eve", "cookie": HOSTILE},
    {"email": "eve@example.com", "login": "eve"},
]


def events():
    """Lines of web events."""
    made = [*_STORY]
    made += [{"login": "robot", "cookie": f"c{i}"} for i in range(LARGE)]
    for n, identifiers in enumerate(made):
        at = (_BEGIN + n * timedelta(hours=7)).isoformat()
        yield json.dumps({"event_id": f"e{n}", "occurred_at": at, "identifiers": identifiers}).encode()


AT = 1_772_500_000_000_000


def counts():
    """What a run might have counted."""
    unread = Source(name="web", way="events", rejected=3, taken_in=AT)
    figures = {"accepted": 5_120, "rejected": 14, "newest": AT, "taken_in": AT}
    crm = Source(
        name="crm",
        way="records",
        **figures,
        identifiers=[Fed(name="email", used=["identifier"], personal="personal", assumed=True, **figures)],
        attributes=[
            Fed(name="name.surname", used=["profile", "match key"], personal="personal", assumed=False),
            Fed(name=HOSTILE, used=["none"], personal="special", assumed=False, **figures),
        ],
    )
    ours = Counted(tenant="default", at=AT, segments={"regulars": 1_204}, sources=[crm])
    return [Counted(tenant="", at=AT, sources=[unread]), ours]


def report(generation=7):
    """What a run might have said."""
    return Report(
        generation=generation,
        before=generation,
        at=AT,
        as_of=AT,
        fingerprint="f",
        rules_changed=False,
        messages=28_014,
        records=1_200,
        rejects=3,
        refused_links=412,
        phases=[Phase("land", 4.2), Phase("links", 9.1), Phase("components", 6.6), Phase("publish", 2.0)],
        health=Health(
            customers=[
                Size(1, 1, 610, 610),
                Size(2, 2, 420, 840),
                Size(3, 4, 812, 2_790),
                Size(5, 8, 160, 980),
            ],
            components=[Size(1, 1, 600, 600), Size(2, 2, 400, 800)],
            largest=[Largest("c_aaaaaaaaaaaaaaaaaaaaaaaaaa", 350)],
            quarantined=[
                Count("cookie", "hot: seen with more than 20 login", 14),
                Count("email", "blocked", 3),
            ],
            refused=[
                Count("cookie and login", "shared: a cookie keeps its newest 1 login only", 322),
                Count("email and login", "max: a customer has at most 1 login", 90),
            ],
            certainty=[
                Certainty("cookie", 0.6, 3_100),
                Certainty("email", 1.0, 1_400),
                Certainty("login", 1.0, 720),
            ],
        ),
        movement=Movement(before=1_930, after=2_002, made=84, merged=11, split=1, kept=1_930, aliases=11),
        parity=Parity(generation=generation, compared=1_873),
        past=[Past(n, 1_200 + 160 * n, 3_000 + 420 * n, 0) for n in range(6)],
    )
