"""A click comes in over HTTP: a signed one links cookie and address, a forged one does not."""

import json
import signal
import subprocess
import sys
import time

import httpx
import pytest
import yaml

from batch_layer.run import run
from deploy import bootstrap
from deploy.awaiting import until
from deploy.commands.dead_letters import origin, read
from deploy.local.ports import free_port
from deploy.local.state import HOST
from tests.webhooks.senders import SECOND, Generic, SendGrid

RULES = """
identifiers:
  email:  {rank: 1, normalise: email, max: 5}
  cookie: {rank: 9, max: 50}
"""
SHOP = "https://shop.example/?visitor="

pytestmark = pytest.mark.stack


class Server:
    """`ucid webhooks`, as a process."""

    def __init__(self, system, *senders):
        self.port = free_port(HOST, None, set())
        self.url = f"http://{HOST}:{self.port}"
        document = {x.name: {**x.entry, "cookie": {"parameter": "visitor"}} for x in senders}
        self.file = system.settings.generations.parent / "webhooks.yaml"
        self.file.write_text(yaml.safe_dump({"endpoints": document}))
        self.env = {**system.env, **{name: value for x in senders for name, value in x.env.items()}}
        self.env |= {"UCID_WEBHOOKS": str(self.file), "UCID_WEBHOOKS_HTTP": f"{HOST}:{self.port}"}
        self.process = None

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-m", "deploy", "webhooks"], env=self.env)
        until(self.answers, "the server of webhooks")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def answers(self):
        assert self.process.poll() is None, "it has ended"
        try:
            return httpx.get(f"{self.url}/healthz").is_success
        except httpx.TransportError:
            return False

    def post(self, name, call, body=None):
        url = f"{self.url}/v1/webhooks/{name}"
        return httpx.post(url, content=call.body if body is None else body, headers=dict(call.headers))


@pytest.fixture(scope="module")
def senders():
    return SendGrid(), Generic()


@pytest.fixture(scope="module")
def server(system, senders):
    server = Server(system, *senders)
    server.start()
    yield server
    server.stop()


def now():
    return time.time_ns() // 1_000 // SECOND * SECOND


def customer(system, type_, value):
    found = system.view.lookup([(type_, value)]).found[0].customer
    return found and found.id


def test_a_signed_click_links_and_a_forged_one_does_not(system, server, senders):
    sendgrid, generic = senders
    system.start_worker()
    at = now()
    genuine = sendgrid.call(sendgrid.click(at, SHOP + "v-ann", "Ann@Example.com"), at=at)
    mine = SendGrid().call(sendgrid.click(at, SHOP + "v-ann", "eve@example.com"), at=at)
    old = at - 26 * 3_600 * SECOND
    stale = sendgrid.call(sendgrid.click(old, SHOP + "v-ann", "tom@example.com"), at=old)
    assert server.post("sendgrid", genuine).json()["events"] == 1
    assert server.post("sendgrid", genuine, genuine.body.replace(b"Ann@", b"eve@")).status_code == 403
    assert server.post("sendgrid", mine).status_code == 403
    assert server.post("sendgrid", stale).status_code == 403
    event = generic.click(at, SHOP + "v-bob", "bob@example.com")
    assert server.post("generic", generic.call(event, at=at)).json()["events"] == 1
    system.await_applied()
    ann, bob = (customer(system, "cookie", f"v-{name}") for name in ("ann", "bob"))
    assert ann == customer(system, "email", "ann@example.com") is not None
    assert bob == customer(system, "email", "bob@example.com") != ann
    assert customer(system, "email", "eve@example.com") is None
    assert customer(system, "email", "tom@example.com") is None


def test_another_process_remembers_what_was_taken(server, senders):
    sendgrid, _ = senders
    at = now()
    call = sendgrid.call(sendgrid.click(at, SHOP + "v-mia", "mia@example.com"), at=at)
    assert not server.post("sendgrid", call).json()["repeated"]
    server.stop()
    server.start()
    assert server.post("sendgrid", call).json()["repeated"]


def ucid(server, *arguments, **more):
    command = [sys.executable, "-m", "deploy", *arguments]
    return subprocess.run(command, env=server.env | more, capture_output=True, check=False)


def test_a_dead_letter_is_read_again_once_the_mapping_is_right(system, server, senders):
    _, generic = senders
    at = now()
    event = generic.click(at, SHOP + "v-zoe", "zoe@example.com")
    event["customer"] = event.pop("who")
    assert server.post("generic", generic.call(event, at=at)).json()["dead_letters"] == 1
    (letter,) = read(bootstrap.consumer(system.settings, "test-dead-letters"))
    assert (json.loads(letter.value), letter.reason) == (event, "who.email: is missing")
    failed = ucid(server, "dead-letters", "replay", origin(letter))
    assert (failed.returncode, b"who.email: is missing" in failed.stderr) == (1, True)
    server.file.write_text(server.file.read_text().replace("who.email", "customer.email"))
    sent = ucid(server, "dead-letters", "replay", origin(letter))
    assert sent.returncode == 0, sent.stderr
    system.await_applied()
    zoe = customer(system, "cookie", "v-zoe")
    assert zoe == customer(system, "email", "zoe@example.com") is not None


def test_the_file_is_checked(server):
    checked = ucid(server, "webhooks", "--check")
    assert checked.stdout.splitlines() == [
        b"POST /v1/webhooks/generic: generic, tenant default",
        b"POST /v1/webhooks/sendgrid: sendgrid, tenant default",
    ]
    failed = ucid(server, "webhooks", "--check", GENERIC_SECRET="")
    assert (failed.returncode, failed.stderr.decode()) == (
        2,
        f"ucid: {server.file}: endpoints.generic.secret: set the variable GENERIC_SECRET\n",
    )


@pytest.mark.slow
@pytest.mark.minutes
def test_a_batch_counts_the_clicks(system, job):
    """Of Ann, Bob, Mia and Zoe, one each, whatever else was sent."""
    run(job)
    table = job.spark.read.format("delta").load(str(system.settings.delta / "gold" / "campaigns"))
    (row,) = table.collect()
    assert (row.tenant, row.campaign_id) == ("default", "")
    assert (row.clicked_total, row.clicked_unique, row.opened_total) == (4, 4, 0)
    table = job.spark.read.format("delta").load(str(system.settings.delta / "gold" / "campaign_customers"))
    people = {customer(system, "email", f"{name}@example.com") for name in ("ann", "bob", "mia", "zoe")}
    assert {(row.customer_id, row.clicked_total) for row in table.collect()} == {(x, 1) for x in people}
