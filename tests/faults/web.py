"""`ucid serve` on a proving ground, and a client that asks about everybody again and again."""

import http.client
import json
import subprocess
import sys
from pathlib import Path

from deploy.api_keys import changed
from deploy.awaiting import until
from deploy.local.ports import free_port
from serving_layer.access.keys import Key, Secret, digest, new_secret
from tests.faults.beside import Beside

TOGETHER = 1_000  # identifiers in a question: the most that one takes


class Web:
    """A server of its own, which can be killed and started again."""

    def __init__(self, ground, *scopes):
        self._ground = ground
        home = ground.settings.generations.parent
        self.log = home / "serve.log"
        self.port = free_port("127.0.0.1")
        self.secret = new_secret()
        given = {
            "HTTP": self.port,
            "KEYS": home / "keys.json",
            "AUDIT": home / "audit",
            "AUDIT_ANCHORS": home / "anchors",
            "HISTORY": home / "history.db",
        }
        self._env = {**ground.env, **{f"UCID_{name}": str(value) for name, value in given.items()}}
        with changed(home / "keys.json") as keys:
            keys["k_1"] = Key(
                id="k_1",
                name="poller",
                tenant="default",
                scopes=("lookup", *scopes),
                secrets=(Secret(sha256=digest(self.secret)),),
                rate=0,
                unknown=0,
                created=0,
            )

    def start(self):
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "deploy", "serve"]
            self._process = subprocess.Popen(command, env=self._env, stdout=log, stderr=log)
        until(self._ready, f"the server to be ready; see {self.log}")

    def stop(self):
        """Have it end."""
        self._process.terminate()
        self._process.wait()

    def kill(self):
        """Kill -9, the process that answers too."""
        for process in [*self._children(), self._process.pid]:
            subprocess.run(["kill", "-9", str(process)], check=False)
        self._process.wait()

    def _children(self):
        pid = self._process.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def ask(self, identifiers):
        """The answer to one question, as it came. Raises OSError or HTTPException where nobody answers."""
        return self.post("/v1/lookup", {"identifiers": [{"type": t, "value": v} for t, v in identifiers]})

    def post(self, path, body):
        """The answer to a request. Raises likewise."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {self.secret}"})
            response = connection.getresponse()
            content = response.read()
            assert response.status // 100 == 2, content
            return json.loads(content)
        finally:
            connection.close()

    def _ready(self):
        assert self._process.poll() is None, self.log.read_text()
        try:
            return not self.ask([])["stale"]
        except (OSError, http.client.HTTPException):
            return False


class Poller(Beside):
    """Asks about everybody, and notes every answer that contradicts one before.

    `pairs` are two identifiers each, of one customer from the beginning on; customers only merge.
    """

    def __init__(self, web, pairs):
        super().__init__(every=0.01)
        self._web = web
        self._questions = [pairs[i : i + TOGETHER // 2] for i in range(0, len(pairs), TOGETHER // 2)]
        self._former = {}  # pair -> the ids that it had, the last one last
        self.rounds = self.away = self.stale = 0
        self.faults = []

    def look(self):
        for pairs in self._questions:
            try:
                answer = self._web.ask([identifier for pair in pairs for identifier in pair])
            except (OSError, http.client.HTTPException):
                self.away += 1
                return
            self._judge(pairs, answer)
        self.rounds += 1

    def _judge(self, pairs, answer):
        results = iter(answer["results"])
        self.stale += answer["stale"]
        for pair, one, other in zip(pairs, results, results, strict=True):
            if one is None or other is None:
                self.faults.append(("missing", pair, answer["generation"]))
            elif one["customer_id"] != other["customer_id"]:
                self.faults.append(("split", pair, answer["generation"]))
            elif not answer["stale"]:
                self._follow(pair, one["customer_id"], answer["generation"])

    def _follow(self, pair, id_, generation):
        """Customers only merge here, so that an id which was left never returns."""
        former = self._former.setdefault(pair, [])
        if not former or former[-1] != id_:
            if id_ in former:
                self.faults.append(("returned", pair, generation))
            former.append(id_)

    @property
    def merged(self):
        """How many pairs were seen to change their id."""
        return sum(len(former) > 1 for former in self._former.values())


def sighting(event_id, *identifiers):
    """A line that names these together."""
    values = {}
    for type_, value in identifiers:
        values.setdefault(type_, []).append(value)
    event = {"event_id": event_id, "occurred_at": "2026-01-01T00:00:00Z", "identifiers": values}
    return json.dumps(event).encode()
