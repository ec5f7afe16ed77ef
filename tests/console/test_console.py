"""The console in a real browser, on a running system."""

import json
import os
import re
from pathlib import Path

import pytest

from deploy.awaiting import until
from serving_layer.picture import MOST_NODES
from tests.console.page import TEXTS, Console, named
from tests.console.people import HOSTILE, LARGE

pytestmark = pytest.mark.slow

IMAGES = os.environ.get("UCID_SCREENSHOTS")
ANNA, TABLET = ("login", "anna.berg"), ("cookie", "tablet-22")
SAME, NOT_SAME = "Yes, they are one customer.", "No, they are not one customer."
RULE = "shared: a cookie keeps its newest 1 login only"


@pytest.fixture(scope="module")
def shared(browser, site):
    """A tab that is signed in, for tests that leave it so."""
    console = Console(browser, site, viewport={"width": 1100, "height": 800}).signed_in()
    yield console
    console.close()


@pytest.fixture
def console(shared):
    yield shared
    assert shared.complaints == []


@pytest.fixture
def opened(browser, site):
    """Opens tabs of other kinds."""
    tabs = []

    def open_(**options):
        tabs.append(Console(browser, site, **options))
        return tabs[-1]

    yield open_
    for tab in tabs:
        tab.close()


def test_a_wrong_key_is_told_and_not_kept(opened):
    tab = opened()
    tab.sign_in("ucid_" + "x" * 43)
    tab.page.get_by_role("alert").get_by_text("This key is not valid").wait_for()
    assert tab.page.evaluate("sessionStorage.length + localStorage.length") == 0
    assert tab.page.get_by_role("link", name="Find", exact=True).count() == 0
    tab.signed_in()
    # A key that is revoked while somebody works ends it at the next question.
    tab.page.evaluate("sessionStorage.setItem('ucid-key', 'ucid_revoked')")
    tab.find("anna.berg")
    tab.heading("Sign in")
    assert tab.page.evaluate("sessionStorage.length") == 0


def test_the_key_stays_in_the_tab_and_nothing_is_asked_elsewhere(console):
    console.customer("anna.berg@example.com")
    assert console.page.evaluate("sessionStorage.getItem('ucid-key')") == console.key
    assert console.page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert all(url.startswith(console.url) for url in console.asked)
    assert not any(console.key in url or "anna" in url for url in [*console.asked, console.page.url])


def test_somebody_is_found_by_any_identifier_and_by_id(console):
    met = ("anna.berg", "Anna.Berg@Example.com", "020 7946 0958", "laptop")
    ids = {console.customer(value) for value in met}
    assert len(ids) == 1
    assert console.customer(*ids) in ids
    for value in ("anna.berg", "anna.berg@example.com", "+442079460958", "laptop", "4021-77"):
        assert console.page.get_by_role("definition").get_by_text(value, exact=True).count() == 1
    console.find("nobody@example.com", "email")
    console.page.get_by_text("Nobody is known by this.").wait_for()
    console.find("no address", "email")
    console.page.get_by_text(re.compile("As email it links nobody: ")).wait_for()


def test_several_customers_are_a_choice(console):
    one = {"customer_id": "c_" + "a" * 26, "identifiers": [], "certainty": 1}
    answer = {"results": [one, {"customer_id": "c_" + "b" * 26}, None, None, None]}
    console.page.route("**/v1/lookup", lambda route: route.fulfill(json=answer))
    console.find("twice")
    console.page.get_by_role("heading", name="2 customers").wait_for()
    assert console.page.locator("main a code").all_inner_texts() == ["c_" + "a" * 26, "c_" + "b" * 26]
    console.page.unroute("**/v1/lookup")


def test_the_graph_shows_types_and_refused_links_and_says_when_and_why(console):
    console.customer("anna.berg")
    page = console.page
    nodes = page.locator(".graph .node")
    assert nodes.count() == 7
    # Of each type its own shape and colour.
    shapes = nodes.locator("[class^=k]").evaluate_all("all => all.map(x => x.classList[0])")
    assert len(set(shapes)) == 5
    dashes = "line => getComputedStyle(line).strokeDasharray"
    refused = page.get_by_role("button", name="cookie tablet-22 and login anna.berg, refused")
    assert refused.locator(".link").evaluate(dashes) != "none"
    held = page.get_by_role("button", name=re.compile("email anna.berg.* and login anna.berg$"))
    assert held.locator(".link").evaluate(dashes) == "none"
    refused.click(force=True)
    details = page.locator(".details")
    details.get_by_text(RULE).wait_for()
    times = details.locator("time").evaluate_all("all => all.map(x => x.dateTime)")
    assert times[0] == times[1] == "2026-03-02T20:00:00+00:00"
    details.get_by_text(re.compile(r"message \d+ of web.events, partition \d, event e5$")).wait_for()
    held.click(force=True)
    details.get_by_text(re.compile(r"message \d+ of web.events, partition \d, event e2$")).wait_for()
    nodes.filter(has_text="laptop").click()
    details.get_by_text("1 link").wait_for()
    page.get_by_text("As a table").click()
    assert page.get_by_role("region", name="As a table").locator("tbody tr").count() == 6


def test_the_timeline_tells_what_made_the_customer(console):
    console.customer("anna.berg")
    entries = console.page.locator(".timeline li")
    entries.first.wait_for()
    # Which of her events came first is Kafka's to say.
    for entry in entries.all_inner_texts():
        assert re.match(r"(Created|Merged|Split|Grew) \d+ \w+ 20\d\d", entry)
        assert re.search(r"message \d+ of web.events, partition \d, event e\d", entry)


def test_of_a_large_customer_a_part_is_drawn_and_the_rest_counted(console):
    console.customer("robot")
    assert console.page.locator(".graph .node").count() == MOST_NODES
    console.page.get_by_text(f"and {LARGE + 1 - MOST_NODES} more identifiers, not drawn").wait_for()


def test_values_that_pretend_to_be_markup_are_text(console):
    page = console.page
    console.customer("eve", "login")
    assert page.get_by_role("definition").get_by_text(HOSTILE, exact=True).count() == 1
    page.get_by_role("button", name=f"cookie {HOSTILE}", exact=True).click()
    page.locator(".details b").get_by_text(HOSTILE, exact=True).wait_for()
    assert console.compare(("cookie", HOSTILE), ("login", "eve")).inner_text() == SAME
    console.open("Try rules")
    event = {"event_id": "1", "occurred_at": "2026-01-01T08:00:00Z", "identifiers": {"login": HOSTILE}}
    page.get_by_label("Events, one JSON object a line").fill(json.dumps(event))
    page.get_by_role("button", name="Try", exact=True).click()
    page.locator("main b").get_by_text(HOSTILE, exact=True).wait_for()
    page.get_by_label("Rules (YAML)").fill(f"{HOSTILE}: 1")
    page.get_by_role("button", name="Try", exact=True).click()
    page.locator("pre.problem").wait_for()
    assert page.locator("img").count() == 0
    assert "owned" not in page.title()


def test_why_and_why_not(console):
    assert console.compare(("cookie", "phone-7c1"), ("card", "4021-77")).inner_text() == SAME
    assert console.page.locator("ol.path li .identifier").all_inner_texts() == [
        *("cookie phone-7c1", "email anna.berg@example.com"),
        *("email anna.berg@example.com", "phone +442079460958"),
        *("phone +442079460958", "card 4021-77"),
    ]
    assert console.compare(TABLET, ANNA).inner_text() == NOT_SAME
    console.page.get_by_text(RULE).wait_for()


def test_a_steward_links_two_keeps_them_apart_and_takes_it_back(console):
    login, phone = ("login", "carla"), ("phone", "+44 20 7946 0123")
    answer = console.compare(login, phone)
    assert answer.inner_text() == NOT_SAME
    console.page.get_by_role("button", name="Link them").click()
    console.page.get_by_text("Say why").wait_for()
    console.decide("Link them", "she called, ticket 4711")
    assert answer.inner_text() == SAME
    console.page.get_by_text("A steward linked them").first.wait_for()
    console.customer("carla", "login")
    assert console.page.get_by_role("definition").get_by_text("+442079460123").count() == 1
    console.compare(login, phone).wait_for()
    console.decide("Keep them apart", "a wrong number")
    assert answer.inner_text() == NOT_SAME
    console.decide("Take the last word back", "we do not know")
    assert answer.inner_text() == NOT_SAME


def test_health_draws_the_stream_and_the_last_run(console):
    console.open("Health")
    console.page.get_by_text("Yes: all 1,873 answers that were compared are the batch's.").wait_for()
    tile = console.page.locator(".tiles > div").filter(has_text="messages behind the log").locator("b")
    until(lambda: tile.inner_text() == "0", "the stream", deadline=30)
    bars = console.page.locator(".bars").first.locator("rect")
    widths = bars.evaluate_all("all => all.map(bar => bar.getBoundingClientRect().width)")
    assert max(widths) == widths[2] > widths[0] > widths[3] > 0
    line = console.page.locator(".series").first
    until(lambda: line.evaluate("line => line.points.numberOfItems") > 1, "another answer")


def test_rules_are_tried_and_mistakes_are_told(console):
    page = console.page
    console.open("Try rules")
    page.get_by_role("button", name="Try", exact=True).click()
    page.get_by_role("heading", name="2 customers").wait_for()
    page.get_by_role("heading", name="1 refused link").wait_for()
    rules = page.get_by_label("Rules (YAML)")
    page.get_by_role("button", name="Load the rules in force").click()
    until(lambda: "card:" in rules.input_value(), "the rules in force")
    rules.fill("identifiers: {login: {rnak: 1}}")
    page.get_by_role("button", name="Try", exact=True).click()
    page.locator("pre.problem").get_by_text(re.compile("identifiers.login.*rank")).wait_for()


def test_the_keyboard_is_enough(opened):
    tab = opened()
    page, press = tab.page, tab.page.keyboard.press
    page.goto(f"{tab.url}/console")
    tab.heading("Sign in")
    page.keyboard.type(tab.key)
    press("Enter")
    tab.heading("Find a customer")
    page.keyboard.type("anna.berg@example.com")
    press("Enter")
    page.locator(".graph svg").wait_for()

    def tab_to(wanted):
        for _ in range(30):
            press("Tab")
            focused = page.evaluate("(x => x.ariaLabel ?? x.textContent)(document.activeElement)")
            if focused.startswith(wanted):
                return
        pytest.fail(f"no key leads to {wanted!r}")

    tab_to("login anna.berg")
    assert page.locator(".node:focus circle").evaluate("x => getComputedStyle(x).strokeWidth") == "3px"
    press("End")
    press("Enter")
    page.locator(".details").get_by_text("shared: a cookie").wait_for()
    tab_to("Why, and decide")
    press("Enter")
    tab.heading(NOT_SAME)
    tab_to("Health")
    press("Enter")
    tab.heading("Health")
    assert page.evaluate("document.activeElement.textContent") == "Health"
    assert tab.complaints == []


CAMPAIGNS = {
    "generation": 0,
    "campaigns": [{"campaign_id": "spring", "sent": 1200, "opened": 7}, {"campaign_id": "", "sent": 3}],
}


def may_we(tab, login, purpose):
    """Ask whether something is permitted, by the keyboard; the answer."""
    tab.open("Consent", "May we?")
    tab.page.get_by_label("Type").select_option("login")
    tab.page.get_by_label("Identifier", exact=True).fill(login)
    tab.page.get_by_label("Purpose").fill(purpose)
    tab.page.keyboard.press("Enter")
    return tab.page.locator("section.card h2")


def test_consent_is_asked_for_as_programs_ask(console):
    console.page.unroute_all()
    answer = may_we(console, "anna.berg", "newsletter")
    answer.get_by_text("No: nobody said that it is permitted.").wait_for()
    console.page.get_by_text("nothing_stated").wait_for()
    granted = {
        "customer_id": "c_x",
        "status": "allowed",
        "reason": "granted",
        "until": "2026-12-31T00:00:00+00:00",
    }
    console.page.route("**/v1/permissions/check", lambda route: route.fulfill(json={"results": [granted]}))
    may_we(console, "anna.berg", "newsletter").get_by_text("Yes, it is permitted.").wait_for()
    assert (
        console.page.get_by_role("definition").locator("time").get_attribute("datetime") == granted["until"]
    )
    console.page.unroute_all()


def test_outcomes_stand_in_a_table_with_0_for_what_is_not_counted(console):
    console.open("Outcomes", "Outcomes of e-mails")
    console.page.get_by_text("None.").wait_for()
    console.page.route("**/v1/campaigns", lambda route: route.fulfill(json=CAMPAIGNS))
    console.open("Find", "Find a customer")
    console.open("Outcomes", "Outcomes of e-mails")
    rows = console.page.get_by_role("region").locator("tbody tr")
    rows.first.wait_for()
    assert rows.all_inner_texts() == ["spring\t1,200\t7", "without a name\t3\t0"]
    console.page.unroute_all()


def with_past(route):
    """The server's own answer, as if two runs before were kept."""
    told = route.fetch().json()
    for n, segment in enumerate(told["segments"]):
        past = [{"generation": k, "counted_at": told["counted_at"], "customers": 40 * k + n} for k in (5, 6)]
        segment["past"] = past
    route.fulfill(json=told | {"generation": 7})


def test_segments_are_told_in_words_with_their_counts(console):
    console.open("Segments")
    cards = console.page.locator("main li.card")
    cards.first.wait_for()
    regulars, sleepers = cards.all_inner_texts()
    assert regulars.split("\n\n")[:2] == ["regulars", "1,204 customers"]
    assert "spent is at least 500" in regulars
    assert "at least once: email event whose outcome is hard_bounce, within 365 days" in regulars
    assert "key customers" in regulars
    assert "0 customers" in sleepers
    assert console.page.locator(".series").count() == 0
    console.page.route("**/v1/segments", with_past)
    console.open("Find", "Find a customer")
    console.open("Segments")
    console.page.get_by_text("generations 5 to 7").first.wait_for()
    assert console.page.locator(".series").evaluate_all("all => all.map(x => x.points.length)") == [3, 3]
    console.page.unroute_all()


def test_sources_are_told_with_what_they_feed(console):
    console.open("Sources")
    page = console.page
    page.get_by_text("3 messages of web could not be read, and belong to no tenant.").wait_for()
    page.get_by_role("heading", name="crm: records that are loaded").wait_for()
    moment = "3 Mar 2026, 01:06:40"
    figures = ["5,120", "14", moment, moment]
    assert [row.split("\t") for row in page.get_by_role("region").locator("tbody tr").all_inner_texts()] == [
        ["email", "identifier", "joining customers", "personal (assumed)", *figures],
        ["name.surname", "attribute", "profile, match key", "personal", "0", "0", "never", "never"],
        [HOSTILE, "attribute", "nothing", "special category", *figures],
    ]
    assert page.locator("main img").count() == 0
    assert page.locator(".tiles b").all_inner_texts() == figures


def ask_to_erase(tab, value):
    """Ask for the erasure of a cookie alone, and return what waits then."""
    page = tab.page
    page.get_by_label("Type").select_option("cookie")
    page.get_by_label("Identifier", exact=True).fill(value)
    page.get_by_label("This identifier alone").check()
    page.get_by_label("Reason").fill("a letter of 3 May")
    page.get_by_role("button", name="Ask", exact=True).click()
    waits = page.get_by_role("listitem").filter(has_text=value)
    waits.get_by_text("You asked for this").wait_for()
    return waits


def test_one_asks_for_an_erasure_and_another_approves(opened, another_key):
    ann, ben = opened().signed_in(), opened()
    ann.open("Erasures")
    own = ask_to_erase(ann, "gone-by-four-eyes")
    assert own.get_by_role("button").all_inner_texts() == ["Take it back"]
    own.get_by_role("button", name="Take it back").click()
    ann.page.get_by_text("Dropped. Nobody was erased by it.").wait_for()
    own.wait_for(state="detached")
    ask_to_erase(ann, "gone-by-four-eyes")

    ben.sign_in(another_key).heading("Find a customer")
    ben.open("Erasures")
    waits = ben.page.get_by_role("listitem").filter(has_text="gone-by-four-eyes")
    waits.get_by_text("a letter of 3 May").wait_for()
    assert waits.get_by_role("button").all_inner_texts() == ["Approve: erase for good", "Reject"]
    waits.get_by_role("button", name="Approve").press("Enter")
    ben.page.get_by_text("Approved, and in the log.").wait_for()
    waits.wait_for(state="detached")
    receipt = ben.page.get_by_role("status").locator("code").inner_text()
    # How far it is is shown at once, and again to whoever has the receipt.
    answers = ben.page.get_by_role("region").get_by_role("row", name="answers")
    answers.wait_for()
    ann.page.get_by_label("Receipt").fill(receipt)
    stores = ann.page.get_by_role("region").locator("tbody tr")

    def forgotten():
        ann.page.get_by_role("button", name="Look", exact=True).click()
        stores.first.wait_for()
        return stores.first.inner_text().split("\t")[:2] == ["answers", "done"]

    until(forgotten, "the worker", deadline=30)
    rows = [row.split("\t") for row in stores.all_inner_texts()]
    waits = {store: (state, for_, bool(date)) for store, state, for_, date in rows}
    assert waits["web.events"] == ("waits", "the topic's retention", True)
    assert waits["newest generation"] == ("waits", "the next 'ucid batch'", False)
    done = sum(state == "done" for state, *_ in waits.values())
    assert ann.page.get_by_text(re.compile(f"^{done} of {len(rows)} stores ha")).count() == 1
    ann.page.get_by_label("Receipt").fill("none")
    ann.page.get_by_role("button", name="Look", exact=True).click()
    ann.page.get_by_text("there is no erasure with this receipt").wait_for()
    assert not any("gone-by" in url for url in ann.asked + ben.asked)
    assert ann.complaints == ben.complaints == []


def parts(tab):
    """Every part, filled: yields a name when one stands there."""
    yield "find"
    tab.customer("anna.berg")
    tab.page.locator(".graph .refused").first.dispatch_event("click")
    tab.page.locator(".details").get_by_text("web.events").wait_for()
    yield "customer"
    tab.compare(("cookie", "phone-7c1"), ("card", "4021-77")).wait_for()
    yield "compare"
    may_we(tab, "anna.berg", "newsletter").wait_for()
    yield "consents"
    tab.page.route("**/v1/segments", with_past)
    tab.open("Segments")
    tab.page.locator(".series").first.wait_for()
    yield "segments"
    tab.page.route("**/v1/campaigns", lambda route: route.fulfill(json=CAMPAIGNS))
    tab.open("Outcomes", "Outcomes of e-mails")
    tab.page.get_by_role("region").get_by_text("spring").wait_for()
    yield "outcomes"
    tab.open("Erasures")
    ask_to_erase(tab, "visitor-of-parts")
    yield "erasures"
    tab.page.get_by_role("button", name="Take it back").first.click()
    tab.open("Sources")
    tab.page.get_by_role("region").wait_for()
    yield "sources"
    tab.open("Health")
    tab.page.locator(".bars").first.wait_for()
    yield "health"
    tab.open("Try rules")
    tab.page.get_by_role("button", name="Try", exact=True).click()
    tab.page.get_by_role("heading", name="2 customers").wait_for()
    yield "trial"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_and_operated_by_all_and_makes_the_pictures(opened, scheme, tmp_path):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tab = opened(color_scheme=scheme, viewport={"width": 1100, "height": 760}).signed_in()
    folder = Path(IMAGES) if IMAGES else tmp_path
    # What a page says is the same in both: of the dark one only colours are looked at.
    rules = {"resultTypes": ["violations"]} | ({"runOnly": ["color-contrast"]} if scheme == "dark" else {})
    grounds = set()
    for name in parts(tab):
        found = axe.Axe().run(tab.page, options=rules)
        assert found.violations_count == 0, found.generate_report()
        grounds.add(tab.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        if name == "customer" or (name, scheme) == ("health", "light"):
            picture = folder / f"console-{name}-{scheme}.png"
            tab.page.screenshot(path=picture, full_page=True)
            assert picture.stat().st_size > 20_000
    assert grounds == {"rgb(244, 245, 247)" if scheme == "light" else "rgb(20, 23, 27)"}


def test_a_phone_shows_it_without_scrolling_sideways(opened, tmp_path):
    tab = opened(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True).signed_in()
    for name in parts(tab):
        assert tab.page.evaluate("document.documentElement.scrollWidth") == 360, name
        if name == "customer":
            tab.page.evaluate("document.querySelector('.legend').scrollIntoView()")
            tab.page.screenshot(path=(Path(IMAGES) if IMAGES else tmp_path) / "console-phone.png")


def test_all_texts_stand_in_one_place(opened):
    """Each text that a person sees or hears is marked on its way through `t`; what has no mark is data."""
    tab = opened()
    page = tab.page
    marking = (TEXTS / "say.js").read_text("utf-8").replace("return filled;", "return `⟦${filled}⟧`;")
    page.route("**/say.js", lambda route: route.fulfill(body=marking, content_type="text/javascript"))
    page.goto(f"{tab.url}/console")
    page.locator("input[type=password]").fill(tab.key)
    page.keyboard.press("Enter")
    seen = 0
    for part, there in (
        ("find", "input[type=search]"),
        ("compare", "fieldset"),
        ("consents", "form"),
        ("segments", "li.card"),
        ("outcomes", "p.dim"),
        ("erasures", "form"),
        ("sources", "table"),
        ("health", ".bars"),
        ("trial", ".code"),
    ):
        page.locator(f"nav a[href='#/{part}']").click()
        page.locator(there).first.wait_for()
        if part == "trial":
            # The examples are texts, too, and marked; now they are to be read by the server.
            for area in page.locator("textarea").all():
                area.fill(area.input_value().strip("⟦⟧"))
            page.locator("button[type=submit]").click()
            page.locator(".cards").wait_for()
        seen += unmarked(page, part)
    page.locator("nav a[href='#/find']").click()
    page.locator("input[type=search]").fill("anna.berg")
    page.keyboard.press("Enter")
    page.locator(".graph .refused").first.dispatch_event("click")
    page.locator(".details time").first.wait_for()
    assert seen + unmarked(page, "customer") > 60


def unmarked(page, part):
    """How many texts there are, all marked."""
    texts = page.evaluate(_TEXTS_OF_THE_PAGE)
    assert [text for text in texts if not re.fullmatch(r"(⟦[^⟦⟧]*⟧|[\W\d_])*", text)] == [], part
    return len(texts)


# All that is not marked as data: text, and what is read out or shown instead of it.
_TEXTS_OF_THE_PAGE = """() => {
  const ours = (node) => !node.closest("[translate=no], textarea");
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) if (ours(walker.currentNode.parentElement)) found.push(walker.currentNode.data);
  for (const element of document.querySelectorAll("[aria-label], [title], [placeholder]"))
    for (const name of ["aria-label", "title", "placeholder"])
      if (ours(element)) found.push(element.getAttribute(name) ?? "");
  return found.filter((text) => text.trim());
}"""


def test_no_text_is_there_that_nobody_asks_for(console):
    names = console.page.evaluate("""async () => {
      const { texts } = await import(new URL("texts.js", location.href).href);
      const names = (part, path) => Object.entries(part).flatMap(([key, value]) =>
        typeof value === "string" || value.other
          ? [[...path, key].join(".")]
          : names(value, [...path, key]));
      return names(texts, []);
    }""")
    whole, begun = named()
    assert [name for name in names if name not in whole and not name.startswith(begun)] == []


def test_what_other_parts_tell_of_a_customer_is_shown_where_it_is_there(console):
    customer_id = console.customer("anna.berg")
    assert console.page.get_by_role("heading", name="Consents").count() == 0
    segments = console.page.locator("section.card").filter(
        has=console.page.get_by_role("heading", name="Segments")
    )
    assert segments.get_by_role("listitem").all_inner_texts() == ["sleepers"]
    url = f"{console.url}/v1/customers/{customer_id}"
    whole = console.context.request.get(url, headers={"Authorization": f"Bearer {console.key}"}).json()
    consent = {"purpose": "newsletter", "granted": True, "at": "2026-03-01T09:00:00+00:00"}
    more = {"consents": [consent], "outcomes": {"opened": 3}}
    console.page.route(url, lambda route: route.fulfill(json=whole | more))
    console.page.get_by_role("button", name="Refresh").click()
    console.page.get_by_role("region", name="Consents").get_by_text("newsletter").wait_for()
    assert console.page.get_by_role("heading", name="Outcomes").count() == 1
    console.page.unroute(url)
