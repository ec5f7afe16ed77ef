"""The console as a person uses it: signs in, looks somebody up, waits for what appears."""

import re
from pathlib import Path

TEXTS = Path(__file__).parents[2] / "serving_layer" / "console"


class Console:
    """One tab. Collects what the browser complains of, and where it went."""

    def __init__(self, browser, site, **options):
        self.url, self.key = site
        self.context = browser.new_context(timezone_id="UTC", locale="en-GB", **options)
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.complaints = []
        self.asked = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _said(self, said):
        # A refusal is an answer like others, but browsers note it.
        if said.type in {"error", "warning"} and not said.text.startswith("Failed to load resource"):
            self.complaints.append(said.text)

    def sign_in(self, key=None):
        self.page.goto(f"{self.url}/console")
        self.page.get_by_label("API key").fill(key or self.key)
        self.page.keyboard.press("Enter")
        return self

    def signed_in(self):
        self.sign_in().heading("Find a customer")
        return self

    def heading(self, name):
        self.page.get_by_role("heading", name=name, exact=True).wait_for()

    def find(self, value, type_=None):
        self.page.get_by_role("link", name="Find", exact=True).click()
        self.heading("Find a customer")
        if type_:
            self.page.get_by_label("Type").select_option(type_)
        self.page.get_by_label("Identifier or customer id").fill(value)
        self.page.keyboard.press("Enter")

    def customer(self, value, type_=None):
        self.find(value, type_)
        self.page.locator(".graph svg").wait_for()
        return self.page.locator("code.id").inner_text()

    def open(self, part, heading=None):
        self.page.get_by_role("link", name=part, exact=True).click()
        self.heading(heading or part)

    def compare(self, a, b):
        self.open("Why the same?")
        for group, (type_, value) in (("First", a), ("Second", b)):
            fields = self.page.get_by_role("group", name=group)
            fields.get_by_label("Type").select_option(type_)
            fields.get_by_label("Identifier").fill(value)
        self.page.get_by_role("button", name="Why?").click()
        return self.page.locator(".answer h2")

    def decide(self, button, why):
        self.page.get_by_label("Reason").fill(why)
        self.page.get_by_role("button", name=button).click()
        self.page.get_by_text("In force: answers obey it now.").wait_for()

    def close(self):
        self.context.close()


def named():
    """The names of texts that modules ask for, and those whose last part is made there."""
    whole, begun = set(), set()
    for file in TEXTS.glob("*.js"):
        text = file.read_text("utf-8")
        whole |= set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)*)"', text))
        begun |= set(re.findall(r"`([a-z_]+)\.\$\{|`([a-z_]+\.[a-z_]+_)\$\{", text))
    return whole, tuple(start for either in begun for start in either if start)
