"""The catalogue: what each source feeds, counted as the obvious code counts it."""

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from batch_layer import tally
from batch_layer.begin import begin
from batch_layer.catalogue import MOST_NAMES, Count, Place, catalogue, of_former, of_loads, together
from batch_layer.counting import Counting
from batch_layer.gold import Gold
from batch_layer.sources.loads import LANDED, STOPPED, Load
from deploy.bootstrap import PARTITIONS
from deploy.catalogue_page import BEGIN, END, tables
from deploy.cli import main
from deploy.commands.catalogue import Catalogue, lines
from deploy.settings import SHORTEST_KEY
from identity import rulefile
from identity.personal import CLASSES
from schemas import CONSENTS, EMAIL, WEB
from schemas.counted import Counted, save
from schemas.generation import path_of
from tests.batch.landing import START, Landing
from tests.sources.conftest import HOUR, Desk
from tests.sources.conftest import START as FIRST_LOAD

DOCS = Path(__file__).parents[2] / "docs"
SHOP = DOCS / "examples" / "shop"
RULES = """
identifiers:
  login: {rank: 1}
  email: {rank: 2, normalise: email}
match_keys:
  person: {rank: 3, from: [surname]}
profile:
  surname: {sources: [web]}
  spent:   {rule: sum, personal: false}
"""
MOMENT = 1_767_225_600_000_000  # 2026-01-01
SETTINGS = {"UCID_KAFKA": "nowhere:1", "UCID_REDIS": "redis://nowhere:1/0", "UCID_ID_KEY": "k" * SHORTEST_KEY}


def event(i, **more):
    return {"event_id": f"e{i}", "occurred_at": f"2026-01-01T00:00:0{i}Z", **more}


def messages():
    consent = {"consent_id": "c", "stated_at": "2026-01-01T00:00:09Z", "purpose": "ads", "status": "granted"}
    return [
        (WEB, event(1, identifiers={"login": ["a", "null"]}, properties={"surname": "x", "spent": "3"})),
        (WEB, event(2, identifiers={"email": "no address"}, properties={"spent": "much", "size": "L"})),
        (WEB, event(3, kind="profile_update", identifiers={"login": "a"}, properties={"surname": "y"})),
        (WEB, event(4, identifiers={"shoe": "42"}, properties={"size": "M"})),
        (EMAIL, event(5, tenant="other", identifiers={"email": "a@example.com"})),
        (WEB, {"no": "event"}),
        (CONSENTS, {**consent, "identifiers": {"login": "a"}}),
    ]


class Runs:
    """Counts as one run after the other does."""

    def __init__(self, spark, home):
        self.landing = Landing(spark, home, RULES)
        self.desk = Desk(spark, home)
        self.before, _ = self.landing.manifests()

    def counted(self, former=()):
        """By tenant, upon what was counted before."""
        job, (_, manifest) = self.landing.job, self.landing.manifests()
        manifest = replace(manifest, loads=self.desk.last)
        counting = Counting(job.spark, job.delta, job.bronze(), self.before, manifest, former)
        self.before = manifest
        return counting.counted(Gold(job.spark, job.delta), rulefile.parse(RULES), 7)


def by_source(counted):
    return {
        (one.tenant, source.name): (
            (source.accepted, source.rejected, source.newest - MOMENT, source.taken_in - START),
            {
                fed.name: (fed.used, fed.personal, fed.accepted, fed.rejected)
                for fed in (*source.identifiers, *source.attributes)
            },
        )
        for one in counted
        for source in one.sources
    }


IDENTIFIER = ["identifier"]


@pytest.mark.slow
@pytest.mark.stack
def test_every_source_is_told_with_what_it_feeds(spark, tmp_path, monkeypatch):
    runs = Runs(spark, tmp_path)
    runs.landing.land(messages())
    found = runs.counted()
    assert [(one.tenant, one.at, one.segments) for one in found] == [
        ("", 7, {}),
        ("default", 7, {}),
        ("other", 7, {}),
    ]
    assert by_source(found) == {
        ("", "web"): ((0, 1, -MOMENT, 5_000), {}),
        ("default", "web"): (
            (2, 1, 2_000_000, 3_000),
            {
                "login": (IDENTIFIER, "pseudonymous", 1, 1),
                "email": (IDENTIFIER, "personal", 0, 1),
                "surname": (["profile", "match key"], "personal", 1, 0),
                "spent": (["profile"], "none", 1, 1),
                "size": (["none"], "personal", 1, 0),
            },
        ),
        ("default", "self_service"): (
            (1, 0, 3_000_000, 2_000),
            {"login": (IDENTIFIER, "pseudonymous", 1, 0), "surname": (["match key"], "personal", 1, 0)},
        ),
        ("default", "consents"): (
            (1, 0, 9_000_000, 6_000),
            {"login": (IDENTIFIER, "pseudonymous", 1, 0)},
        ),
        ("other", "email"): ((1, 0, 5_000_000, 4_000), {"email": (IDENTIFIER, "personal", 1, 0)}),
    }
    told = "\n".join(
        lines(Catalogue(generation=3, fingerprint="f", tenants=found), (START + 2 * HOUR + 10_000) * 1_000)
    )
    assert "web of default, events: 2 accepted, 1 rejected, last 2 hours ago" in told
    assert not any(value in f"{told}{found}{tables(found)}" for value in ("no address", "much", "a@example"))
    # However many names producers think of, so many come together in one place.
    monkeypatch.setattr(tally, "MOST_NAMES", 1)
    (*_, names) = by_source(runs.counted())["default", "web"]
    assert names.keys() == {"email", "size"}


SOURCE = """
source: crm
format: csv
export: full
record_id: id
changed_at: at
identifiers: {login: id, email: email}
attributes: {surname: surname, notes: notes}
personal: {notes: special, surname: none}
stop_when: {rejected: 100%, ended: 100%}
"""
FIRST = "id,at,email,surname,notes\n1,2026-01-02T00:00:00Z,a@example.com,x,\n2,no day,,y,\n"
SECOND = "id,at,email,surname,notes\n1,2026-01-03T00:00:00Z,no address,x,n\n3,2026-01-02T00:00:00Z,,,\n"


@pytest.mark.slow
@pytest.mark.stack
def test_what_is_new_is_added_to_what_was_counted(spark, tmp_path):
    runs = Runs(spark, tmp_path)
    crm = runs.desk.source(SOURCE)
    runs.landing.land(messages()[:3])
    runs.desk.load(crm, runs.desk.write("1.csv", FIRST))
    first = runs.counted()
    assert by_source(first)["default", "crm"][0] == (1, 1, 24 * HOUR, FIRST_LOAD - START)
    assert runs.counted(first) == first, "nothing came"
    runs.landing.land(messages()[3:])
    second = runs.counted(first)
    runs.desk.load(crm, runs.desk.write("2.csv", SECOND))
    third = runs.counted(second)
    assert third == runs.counted()
    assert by_source(third)["default", "crm"] == (
        (2, 0, 48 * HOUR, FIRST_LOAD + HOUR - START),
        {
            "login": (IDENTIFIER, "pseudonymous", 2, 0),
            "email": (IDENTIFIER, "personal", 0, 1),
            "surname": (["match key"], "none", 1, 0),
            "notes": (["none"], "special", 1, 0),
        },
    )


def load(number, state=LANDED, **counts):
    return Load(
        load=number,
        tenant="shop",
        source="crm",
        state=state,
        export="full",
        definition="d",
        ingested_at=number * 10,
        counts=counts,
    )


def test_a_load_that_is_stopped_is_rejected_and_nothing_is_taken_in():
    (count,) = of_loads([load(1, rejected=2), load(2, STOPPED, rejected=90)]).values()
    assert (count.rejected, count.taken_in) == (90, 10)
    assert of_loads([load(1, STOPPED)])[PLACE].taken_in == 0


PLACE = Place("shop", "crm", "records", "source", "")


def test_a_faulty_source_does_not_fill_the_catalogue():
    names = [f"a{i:05}" for i in range(2 * MOST_NAMES)]
    counts = {PLACE: Count(1)} | {PLACE._replace(kind="attribute", name=name): Count(1) for name in names}
    rules = rulefile.parse(RULES)
    ((source,),) = catalogue(counts, rules, {}).values()
    assert [fed.name for fed in source.attributes] == names[:MOST_NAMES]
    # What was left out stays out, so that nothing is counted from somewhere in the middle on.
    former = of_former([Counted(tenant="shop", at=7, sources=[source])], "records")
    assert (
        catalogue(together([former, counts]), rules, {})["shop"][0].attributes[-1].name
        == names[MOST_NAMES - 1]
    )


def shop(*more):
    return [
        "catalogue",
        "--rules",
        str(SHOP / "rules.yaml"),
        *(str(SHOP / f"{x}.yaml") for x in SOURCES),
        *more,
    ]


SOURCES = ("billing", "crm")


def test_the_page_of_the_docs_is_that_of_its_files(tmp_path, capsys):
    page = DOCS / "catalogue.md"
    (command,) = re.findall(r"^    ucid (catalogue --rules .*)$", page.read_text("utf-8"), re.MULTILINE)
    assert command.split() == [part.replace(f"{DOCS}/", "") for part in shop("--page", "catalogue.md")]
    written = tmp_path / "catalogue.md"
    written.write_text(
        re.sub(f"(?<={BEGIN}\n).*(?={END})", "", page.read_text("utf-8"), flags=re.DOTALL), "utf-8"
    )
    assert "billing: records" not in written.read_text("utf-8")
    assert main(shop("--page", str(written))) == 0
    assert written.read_text("utf-8") == page.read_text("utf-8")
    assert all(f"`{name}`" in page.read_text("utf-8") for name in CLASSES)
    assert capsys.readouterr().out == f"wrote {written}\n"


def test_a_page_is_made_where_there_is_none_and_another_is_left_alone(tmp_path, capsys):
    page = tmp_path / "page.md"
    assert main(shop("--page", str(page))) == 0
    assert "| `notes` | attribute | not used | special |" in page.read_text()
    page.write_text("mine")
    assert main(shop("--page", str(page))) == 2
    assert f"has no place for the catalogue: write the lines {BEGIN}" in capsys.readouterr().err
    assert page.read_text() == "mine"


def test_a_producers_name_is_no_markup():
    faulty = catalogue(
        {PLACE: Count(1), PLACE._replace(kind="attribute", name="a`|<b>\n"): Count(1)}, *NO_RULES
    )
    text = tables([Counted(tenant="shop", at=7, sources=faulty["shop"])])
    assert "| `a??<b>?` | attribute |" in text


NO_RULES = (rulefile.parse("identifiers: {a: {rank: 1}}"), {})


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A system of which only the first generation is there."""
    begin(tmp_path, RULES, PARTITIONS)
    for name in ("UCID_GENERATIONS", "UCID_DELTA"):
        monkeypatch.setenv(name, str(tmp_path))
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_the_command_tells_what_the_last_run_counted(home, capsys):
    assert main(["catalogue"]) == 2
    assert "generation 0 was not counted: the next 'ucid batch' does" in capsys.readouterr().err
    sources = catalogue({PLACE: Count(3, 1, 5, 6)}, *NO_RULES)["shop"]
    save(path_of(home, 0), [Counted(tenant="", at=7), Counted(tenant="shop", at=7, sources=sources)])
    assert main(["catalogue", "--json"]) == 0
    (_, told) = json.loads(capsys.readouterr().out)["tenants"]
    assert (told["tenant"], told["sources"][0]["accepted"]) == ("shop", 3)
    assert main(["catalogue", str(SHOP / "crm.yaml")]) == 2
    assert "go with --rules" in capsys.readouterr().err


def test_a_definition_with_a_mistake_is_told(tmp_path, capsys):
    wrong = tmp_path / "crm.yaml"
    wrong.write_text(
        (SHOP / "crm.yaml").read_text().replace("special ", "secret ").replace("notes:", "note:", 1)
    )
    assert main(["catalogue", "--rules", str(SHOP / "rules.yaml"), str(wrong)]) == 2
    problems = capsys.readouterr().err
    assert f"personal.notes: write one of {', '.join(CLASSES)}" in problems
    assert "personal.notes: is no known key; did you mean 'note'?" in problems
