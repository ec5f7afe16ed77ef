"""One running system and one browser for all tests of the console."""

import os
import shutil

import msgspec
import pytest

from deploy import bootstrap, system
from deploy.api_keys import changed
from deploy.awaiting import is_applied, log_end, until
from deploy.local import Stack
from deploy.local.progress import silent
from deploy.sending import send
from deploy.settings import Settings
from schemas import WEB, counted
from schemas.generation import REPORT, path_of
from serving_layer.access.keys import Secret, digest, new_secret
from tests.console import people

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="package")
def running(tmp_path_factory):
    """A stack that knows `people`, and the state of it."""
    home = tmp_path_factory.mktemp("console")
    rules = home / "rules.yaml"
    rules.write_text(people.RULES)
    stack = Stack(home / "stack")
    try:
        state = system.up(stack, rules, silent)
        settings = Settings.load({**os.environ, "UCID_HOME": str(stack.home)})
        (path_of(settings.generations, 0) / REPORT).write_bytes(msgspec.json.encode(people.report()))
        counted.save(path_of(settings.generations, 0), people.counts())
        send(bootstrap.producer(settings), WEB, people.events())
        consumer, redis = bootstrap.consumer(settings, "test"), bootstrap.redis(settings)
        end = log_end(consumer)
        until(lambda: is_applied(redis, end), "the worker")
        consumer.close()
        redis.close()
        yield stack, state
    finally:
        stack.down()


@pytest.fixture(scope="package")
def site(running):
    """Its address, and a key."""
    stack, state = running
    return f"http://{state.address('http')}", (stack.home / "demo.key").read_text().strip()


@pytest.fixture(scope="package")
def another_key(running):
    """The secret of a key beside the one of the site."""
    stack, _ = running
    secret = new_secret()
    with changed(Settings.load({**os.environ, "UCID_HOME": str(stack.home)}).keys) as keys:
        (demo,) = keys.values()
        keys["k_other"] = msgspec.structs.replace(
            demo, id="k_other", name="Ben", secrets=(Secret(sha256=digest(secret)),)
        )
    return secret


@pytest.fixture(scope="package")
def browser():
    """Debian's Chromium, or any other that is installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
