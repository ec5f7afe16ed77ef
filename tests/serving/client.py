"""Asks an application in process, as a server would hand it a request."""

import asyncio
import json
from urllib.parse import urlsplit

from serving_layer.access.audit import AuditLog, Seal
from serving_layer.access.gate import Gate
from serving_layer.access.keys import Key, KeyFile, KeyRing, Secret, digest, new_secret
from serving_layer.asked import Waiting
from serving_layer.desk import Desk
from serving_layer.generations import Generations
from serving_layer.history import History, Origin
from serving_layer.metrics import Metrics
from serving_layer.shared import Shared
from serving_layer.web.application import Application
from serving_layer.web.routes import Outside, table

ID_KEY = b"a key for tests"
ALL = ("lookup", "read", "update", "steward", "erase", "four_eyes", "admin")


class Answer:
    """One response, whole."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = dict(headers)
        self.body = body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class Peer:
    """The other side of one request, which sends its body in parts."""

    def __init__(self, method, url, headers, parts):
        self.method = method
        self.path, self.query = url.path, url.query
        self.headers = headers
        self._parts = parts
        self.answer = None

    async def body(self):
        for part in self._parts:
            yield part

    async def respond(self, status, headers, body):
        self.answer = Answer(status, headers, body)

    async def begin(self, status, headers):
        self.answer = Answer(status, headers, b"")

    async def send(self, data):
        self.answer.body += data

    async def end(self):
        pass


class Clock:
    """Time that passes when a test says so."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


class Erasing:
    """Keeps what it is to send; knows one receipt."""

    def __init__(self):
        self.sent = []

    async def send(self, messages):
        self.sent += messages

    async def receipt(self, _tenant, receipt_id):
        return [{"store": "answers", "done": True}] if receipt_id == "known" else None


class Served:
    """An application on a world, with keys of every kind; use as a context manager."""

    def __init__(self, world, directory, redis=None, **more):
        self.world = world
        self.clock = Clock()
        self.keys = directory / "keys.json"
        self.audit, self.anchors = directory / "audit", directory / "anchors"
        self.seal = Seal(ID_KEY)
        self._redis = redis
        self._more = more
        self._loop = asyncio.new_event_loop()
        self._listed = []

    def key(self, *scopes, tenant="default", expires=None, rate=0, unknown=0):
        """A new key's secret."""
        secret = new_secret()
        id_ = f"k_{len(self._listed)}"
        self._listed.append(
            Key(
                id=id_,
                name=f"key {id_}",
                tenant=tenant,
                scopes=scopes or ALL,
                secrets=(Secret(sha256=digest(secret), expires=expires),),
                rate=rate,
                unknown=unknown,
                created=0,
            )
        )
        self.write_keys(*self._listed)
        return secret

    def write_keys(self, *keys):
        self.keys.write_bytes(json.dumps(_plain(KeyFile(keys=keys))).encode())
        self.clock.now += 2

    def __enter__(self):
        self._loop.run_until_complete(self._begin())
        return self

    async def _begin(self):
        self.metrics = Metrics()
        self.shared = Shared(self._redis, Generations(self.world.root), self.metrics)
        self.log = AuditLog(self.audit, self.anchors, self.seal)
        self.desk = Desk(self.shared, self.log, self.metrics)
        self.ring = KeyRing(self.keys, clock=self.clock)
        gate = Gate(self.ring, self._more.pop("tokens", None))
        self.history = History(self.keys.with_name("history.db"))
        self.sent = []
        self.ends = {}
        self.there = False
        send, try_out = self._more.pop("send", self._send), self._more.pop("try_out", self._try_out)
        self.erasing = Erasing()
        outside = Outside(send, self.erasing, Waiting(self._redis), try_out, self._ends, self._find)
        routes = table(self.desk, self.metrics, self.history, outside)
        self.application = Application(routes, gate, self.metrics)

    async def _send(self, decision):
        self.sent.append(decision)
        return "customer.decisions:0", len(self.sent) - 1

    async def _try_out(self, rules, events):
        self.tried = rules, events
        return b"{}"

    async def _find(self, *asked):
        self.searched = asked[:-1]
        return Origin(topic="web.events", partition=1, offset=7, event_id="e7") if self.there else None

    async def _ends(self):
        return self.ends

    def __exit__(self, *_):
        self.log.close()
        self._loop.run_until_complete(self.shared.close())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def ask(self, method, path, content=b"", key=None, headers=(), parts=None):
        return self.all_at_once((method, path, content, key, headers, parts))[0]

    def all_at_once(self, *requests):
        async def everybody():
            return await asyncio.gather(*(self._ask(*request) for request in requests))

        return self._loop.run_until_complete(everybody())

    async def _ask(self, method, path, content=b"", key=None, headers=(), parts=None):
        url = urlsplit(path)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        fields = {"content-length": str(len(body))} if parts is None else {}
        fields |= {"authorization": f"Bearer {key}"} if key else {}
        fields |= dict(headers)
        peer = Peer(method, url, fields, [body] if parts is None else parts)
        await self.application(peer)
        return peer.answer

    def lookup(self, *pairs, key):
        return self.ask("POST", "/v1/lookup", asked(*pairs), key)


def asked(*pairs):
    return {"identifiers": [{"type": type_, "value": value} for type_, value in pairs]}


def _plain(struct):
    import msgspec

    return msgspec.to_builtins(struct)
