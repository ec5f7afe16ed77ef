"""All customers, identifiers and changes over HTTP: each once, in every form, page by page and at one go."""

import csv
import io
import json
import re
from base64 import b64decode, urlsafe_b64decode
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pyarrow.parquet as pq
import pytest

from identity import Verdict
from serving_layer.access.verify import entries
from serving_layer.data import formats, parquet_form, walk
from serving_layer.data.columns import columns
from serving_layer.data.tables import CHANGES, CUSTOMERS, IDENTIFIERS
from serving_layer.errors import Refused
from serving_layer.web import data
from serving_layer.web.accept import chosen
from tests.serving.client import Peer
from tests.serving.world import TOM, change

ODD = 'a,b"c\r\n<d>&\x01]]>\N{OLD PERSONAL COMPUTER}'
TABLES = (CUSTOMERS, IDENTIFIERS, CHANGES)


@pytest.fixture
def mixed(world):
    """Customers of the generation, of the stream, of both, merged, split, and one that turned hot."""
    world.apply(
        {**TOM, "cookie": "a"},
        {"login": "eve", "email": "visitor0@example.com"},
        {"cookie": "lone"},
        {"cookie": ODD},
        *[{"cookie": f"c{i}", "login": f"l{i}"} for i in range(40)],
        *[{"cookie": "hall", "email": f"visitor{i}@example.com"} for i in range(4)],
    )
    world.decide(("login", "ann"), ("email", "ann@example.com"), Verdict.CANNOT)
    return world


@pytest.fixture
def full(mixed, served):  # noqa: ARG001 - the world has to be there
    """The same with a history, of which every fifth change is somebody else's."""
    changes = [change(i, tenant="other" if i % 5 == 0 else "default") for i in range(30)]
    served.history.take(changes, [], {})
    return served


def get(served, key, path, accept="application/json"):
    answer = served.ask("GET", path, key=key, headers=[("accept", accept)])
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == accept
    return answer


def rows(served, key, table, query=""):
    return get(served, key, f"/v1/{table.name}?{query}").json()[table.name]


def pages(served, key, table, limit, query=""):
    found, cursor = [], None
    while True:
        more = "" if cursor is None else f"&cursor={cursor}"
        answer = get(served, key, f"/v1/{table.name}?limit={limit}{query}{more}")
        page = answer.json()
        assert len(page[table.name]) <= limit
        assert answer.headers["ucid-more"] == json.dumps(page["more"])
        assert answer.headers.get("ucid-next") == page["next"]
        found += page[table.name]
        cursor = page["next"]
        if not page["more"]:
            return found, cursor


@pytest.mark.usefixtures("mixed")
def test_customers_are_those_of_the_view(served, key, view):
    expected = [
        {
            "customer_id": customer.id,
            "identifiers": [x._asdict() for x in customer.members],
            "aliases": list(customer.aliases),
        }
        for customer in view.customers()
    ]
    assert len(expected) > 40
    assert sorted(rows(served, key, CUSTOMERS), key=str) == sorted(expected, key=str)


@pytest.mark.usefixtures("mixed")
def test_identifiers_are_those_of_the_view(served, key, view):
    expected = {(*x, customer.id) for customer in view.customers() for x in customer.members}
    found = [tuple(row.values()) for row in rows(served, key, IDENTIFIERS)]
    assert len(found) == len(expected)
    assert set(found) == expected


@pytest.mark.parametrize("limit", [1, 3, 40, 10_000])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_pages_are_the_whole_in_the_same_order(full, key, table, limit, monkeypatch):
    monkeypatch.setattr(walk, "TOGETHER", 7)
    monkeypatch.setattr(data, "TOGETHER", 7)
    found, cursor = pages(full, key, table, limit)
    assert sorted(found, key=str) == sorted(rows(full, key, table), key=str)
    assert len({str(row) for row in found}) == len(found)
    assert (cursor is not None) == (table is CHANGES)


@pytest.mark.parametrize("query", ["", "limit=10000"])
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_form_says_the_same(full, key, table, query, monkeypatch):
    monkeypatch.setattr(parquet_form, "GROUP", 10)
    path = f"/v1/{table.name}?{query}"
    expected = get(full, key, path).json()[table.name]
    assert len(expected) > 20
    *lines, end = map(json.loads, get(full, key, path, "application/x-ndjson").body.splitlines())
    assert lines == expected
    assert end["end"]["more"] is False
    told = [from_csv(row, table) for row in csv_rows(get(full, key, path, "text/csv"))]
    assert told == flat(expected, table)
    parquet = pq.read_table(io.BytesIO(get(full, key, path, "application/vnd.apache.parquet").body))
    assert plain(parquet.to_pylist()) == flat(expected, table)
    assert [field.type for field in parquet.schema] == [
        parquet_form._TYPES[column.type] for column in columns(table.row)
    ]
    document = ET.fromstring(get(full, key, path, "application/xml").body)
    assert [from_xml(row, expected[0]) for row in document.findall(table.one)] == expected
    assert document.find("end/more").text == "false"


def csv_rows(answer):
    return list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))


def from_csv(row, table):
    kinds = {column.name: column.type for column in columns(table.row)}
    return {
        name: None
        if value == "" and kinds[name] != "string"
        else json.loads(value)
        if kinds[name].startswith(("list", "int"))
        else value or None
        for name, value in row.items()
    }


def flat(found, table):
    """Rows of JSON as tables have them."""
    nested = [msgspec.convert(row, table.row) for row in found]
    return plain([{column.name: column.of(row) for column in columns(table.row)} for row in nested])


def plain(found):
    return [
        {
            name: value.isoformat() if isinstance(value, datetime) else msgspec.to_builtins(value)
            for name, value in row.items()
        }
        for row in found
    ]


def from_xml(element, like):
    """The value of an element, by what JSON has in its place."""
    if isinstance(like, list):
        return [from_xml(item, like[0] if like else "") for item in element]
    if len(element) and (isinstance(like, dict) or like is None):
        return {part.tag: from_xml(part, (like or {}).get(part.tag)) for part in element}
    if element.get("encoding") == "base64":
        return b64decode(element.text).decode()
    whole = isinstance(like, int) or element.tag in {"partition", "offset"}
    return int(element.text) if whole and element.text else element.text


@pytest.mark.usefixtures("mixed")
def test_a_type_chooses_identifiers_and_customers(served, key):
    logins = rows(served, key, IDENTIFIERS, "type=login")
    assert {row["type"] for row in logins} == {"login"}
    everybody = rows(served, key, CUSTOMERS)
    expected = [row for row in everybody if any(x["type"] == "login" for x in row["identifiers"])]
    assert 0 < len(expected) < len(everybody)
    assert rows(served, key, CUSTOMERS, "type=login") == expected


@pytest.mark.usefixtures("mixed")
def test_customers_that_changed_since(served, key):
    everybody = {row["customer_id"]: row for row in rows(served, key, CUSTOMERS)}
    ids = sorted(everybody)[:3]
    served.history.take(
        [change(i, customer_id=id_) for i, id_ in enumerate([*ids, ids[0], "c_gone"])], [], {}
    )
    since = datetime.fromtimestamp(1_700_000_001, UTC).isoformat().replace("+00:00", "Z")
    found, _ = pages(served, key, CUSTOMERS, 1, f"&since={since}")
    assert found == [everybody[id_] for id_ in ids]  # the first of them changed again
    assert rows(served, key, CUSTOMERS, f"since={since}") == found
    assert rows(served, key, CUSTOMERS, f"since={since}&type=login") == [
        row for row in found if any(x["type"] == "login" for x in row["identifiers"])
    ]


def test_changes_of_a_kind_since_a_moment(full, key):
    since = "2023-11-14T22:13:30Z"
    found = rows(full, key, CHANGES, f"kind=merged&since={since}")
    assert [row["change_id"] for row in found] == [f"h{i}" for i in (13, 17, 21, 29)]


def test_changes_go_on_where_they_ended(full, key):
    _, cursor = pages(full, key, CHANGES, 10)
    assert get(full, key, f"/v1/changes?limit=10&cursor={cursor}").json()["changes"] == []
    full.history.take([change(31)], [], {})
    later = get(full, key, f"/v1/changes?cursor={cursor}").json()
    assert [row["change_id"] for row in later["changes"]] == ["h31"]
    assert "c_before" in str(later)


def test_a_cursor_is_of_its_question_and_tenant_alone(full, key):
    cursor = get(full, key, "/v1/customers?limit=1").json()["next"]
    raw = urlsafe_b64decode(cursor + "==")
    assert not any(value.encode() in raw for value in TOM.values())
    stranger = full.key(tenant="other")
    for who, path in (
        (stranger, f"/v1/customers?cursor={cursor}"),
        (key, f"/v1/identifiers?cursor={cursor}"),
        (key, f"/v1/customers?type=login&cursor={cursor}"),
        (key, f"/v1/customers?cursor={cursor[:-2]}"),
        (key, f"/v1/customers?cursor={'A' if cursor[0] != 'A' else 'B'}{cursor[1:]}"),
        (key, "/v1/customers?cursor="),
    ):
        answer = full.ask("GET", path, key=who)
        assert (answer.status, "no cursor of this question" in answer.text) == (400, True), path


def test_two_cursors_of_one_place_differ(full, key):
    a, b = (get(full, key, "/v1/customers?limit=1").json()["next"] for _ in range(2))
    assert a != b


@pytest.mark.parametrize("table", [CUSTOMERS, IDENTIFIERS], ids=lambda table: table.name)
@pytest.mark.parametrize("limit", [1, 42])
def test_a_generation_that_is_gone_is_told_and_never_mixed(mixed, served, key, table, limit):
    cursor = get(served, key, f"/v1/{table.name}?limit={limit}").json()["next"]
    mixed.publish(TOM, number=2)
    mixed.go_live()
    answer = served.ask("GET", f"/v1/{table.name}?cursor={cursor}&limit=5", key=key)
    assert (answer.status, answer.json()) == (
        410,
        {"error": "generation 1 answers no more: start again, without a cursor"},
    )
    assert {x["value"] for row in rows(served, key, CUSTOMERS) for x in row["identifiers"]} == set(
        TOM.values()
    )


def test_a_change_that_is_kept_no_longer_is_told(full, key):
    cursor = get(full, key, "/v1/changes?limit=1").json()["next"]
    for file in full.keys.parent.glob("history.db*"):
        file.unlink()
    type(full.history)(full.keys.with_name("history.db"))
    answer = full.ask("GET", f"/v1/changes?cursor={cursor}", key=key)
    assert (answer.status, "start again, with 'since'" in answer.text) == (410, True)


@pytest.fixture
def handover(mixed, monkeypatch):
    """Readers move to another generation once a few identifiers were read."""
    monkeypatch.setattr(walk, "TOGETHER", 5)
    original, calls = walk.Walk._rows, []

    async def rows_(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            mixed.publish(TOM, number=2)
            mixed.go_live()
        return await original(self, *arguments)

    monkeypatch.setattr(walk.Walk, "_rows", rows_)


@pytest.mark.usefixtures("handover")
def test_a_handover_ends_lines_with_one_that_says_so(served, key):
    *lines, last = map(
        json.loads, get(served, key, "/v1/identifiers", "application/x-ndjson").body.splitlines()
    )
    assert len(lines) > 0
    assert last == {"error": "generation 1 answers no more: start again, without a cursor", "status": 410}


@pytest.mark.usefixtures("handover")
@pytest.mark.parametrize("accept", ["application/json", "application/xml", "application/vnd.apache.parquet"])
def test_a_handover_leaves_documents_without_an_end(served, key, accept):
    body = get(served, key, "/v1/identifiers", accept).body
    read = {"application/json": json.loads, "application/xml": ET.fromstring}
    with pytest.raises((ValueError, ET.ParseError, OSError)):
        read.get(accept, lambda whole: pq.read_table(io.BytesIO(whole)))(body)


@pytest.mark.usefixtures("handover")
@pytest.mark.parametrize(
    ("accept", "path"),
    [("text/csv", "/v1/identifiers"), ("application/json", "/v1/identifiers?limit=10000")],
)
def test_what_cannot_show_its_end_or_is_a_page_is_refused_whole(served, key, accept, path):
    answer = served.ask("GET", path, key=key, headers=[("accept", accept)])
    assert answer.status == 410
    assert answer.headers["content-type"] == "application/json"


def test_without_the_stream_there_is_nothing_whole(mixed, served, key):
    mixed.redis.delete("ucid:3:live")
    for table in (CUSTOMERS, IDENTIFIERS):
        answer = served.ask("GET", f"/v1/{table.name}?limit=5", key=key)
        assert (answer.status, "try again" in answer.text) == (503, True)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=10001",
        "limit=plenty",
        "limit=1&limit=2",
        "since=yesterday",
        "since=2026-01-01T00:00:00",
        "kind=eaten",
        "secret=hidden",
        "type=%FF",
        "since=5",
        "limit=null",
        "cursor=%C3%A9",
    ],
)
def test_a_query_that_says_nothing_is_refused_without_quoting_it(served, key, query):
    answer = served.ask("GET", f"/v1/changes?{query}", key=key)
    assert answer.status == 400
    assert not any(word in answer.text for word in ("plenty", "yesterday", "eaten", "hidden"))


def test_a_type_that_no_rule_names_is_refused(served, key):
    for table in (CUSTOMERS, IDENTIFIERS):
        answer = served.ask("GET", f"/v1/{table.name}?type=card", key=key)
        assert (answer.status, "card" in answer.text) == (400, False)


def test_a_page_ends_where_the_budget_does_and_then_there_is_429(full, monkeypatch):
    monkeypatch.setattr(data, "TOGETHER", 7)
    key = full.key("read", rate=1)
    principal = full.ring.find(key)
    principal.rate.take(1_000 - 20)
    page = get(full, key, "/v1/customers?limit=40").json()
    assert 0 < len(page["customers"]) < 20
    assert page["more"] is True
    principal.rate.empty()
    answer = full.ask("GET", f"/v1/customers?limit=40&cursor={page['next']}", key=key)
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) > 0


def test_a_stream_waits_for_its_budget(full, monkeypatch):
    slept = []
    key = full.key("read", rate=100)
    principal = full.ring.find(key)
    principal.rate.take(950)

    async def sleep(seconds):
        slept.append(seconds)
        principal.rate._left = 1_000

    monkeypatch.setattr(data.asyncio, "sleep", sleep)
    assert len(get(full, key, "/v1/identifiers").json()["identifiers"]) > 40
    assert slept
    assert 0 < slept[0] < 10


def test_every_export_is_noted_before_it_is_told(full, key):
    get(full, key, "/v1/customers?type=login&limit=5", "text/csv")
    get(full, key, "/v1/changes")
    noted = [entry for _, entry in entries(full.audit) if entry.act == "export"]
    assert [(entry.tenant, entry.detail) for entry in noted] == [
        ("default", {"what": "customers", "format": "text/csv", "type": "login"}),
        ("default", {"what": "changes", "format": "application/json"}),
    ]


def test_a_tenant_whose_name_is_a_pattern_meets_nobody(full):
    for tenant in ("*", "d[e]fault", "defaul?"):
        key = full.key(tenant=tenant)
        assert rows(full, key, IDENTIFIERS) == []
        assert rows(full, key, CHANGES) == []


def test_columns_are_as_documented():
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
    told = re.findall(r"^\| (customers|identifiers|changes) \| `(\w+)` \| (.*?) \|", page, re.MULTILINE)
    assert told == [
        (table.name, column.name, column.type + ", or empty" * column.empty)
        for table in TABLES
        for column in columns(table.row)
    ]


FORMS = ("application/json", "text/csv", "application/xml")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, 0),
        ("", 0),
        ("*/*", 0),
        ("text/csv", 1),
        ("TEXT/CSV; charset=utf-8", 1),
        ("application/*", 0),
        ("text/*, application/json;q=0.5", 1),
        ("application/json;q=0.2, application/xml;q=0.9, text/csv;q=0.5", 2),
        ("application/*;q=0.9, application/json;q=0.1", 2),
        ("*/*;q=0.1, application/json;q=0", 1),
        ("image/png, */*;q=0.01", 0),
        ("text/csv;q=oops, application/xml;q=0.1", 2),
        ("image/png", None),
        ("application/json;q=0", None),
        (";;,,", None),
    ],
)
def test_the_form_that_is_liked_best(accept, form):
    if form is None:
        with pytest.raises(Refused, match="this can be had as application/json, text/csv") as refused:
            chosen(accept, FORMS)
        assert refused.value.status == 406
    else:
        assert chosen(accept, FORMS) == FORMS[form]


def test_without_pyarrow_there_is_no_parquet_and_that_is_said(served, key, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    monkeypatch.setattr(data, "FORMATS", formats._formats())
    answer = served.ask(
        "GET", "/v1/customers", key=key, headers=[("accept", "application/vnd.apache.parquet")]
    )
    assert answer.status == 406
    assert answer.json()["error"].endswith(
        "as application/json, application/x-ndjson, text/csv, application/xml"
    )


def test_a_stream_comes_in_parts_of_a_few_rows(full, key, monkeypatch):
    """However much there is, no more than a step of it is held."""
    monkeypatch.setattr(walk, "TOGETHER", 5)
    monkeypatch.setattr(data, "TOGETHER", 5)
    sizes = []

    async def send(self, part):
        sizes.append(part.count(b"\n"))
        self.answer.body += part

    monkeypatch.setattr(Peer, "send", send)
    get(full, key, "/v1/identifiers", "application/x-ndjson")
    assert len(sizes) > 10
    assert max(sizes) <= 5
