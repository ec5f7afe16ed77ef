"""One process of the HTTP server, put together: what `ucid serve` has uvicorn run, once for each process."""

import gc
import os
import signal
import sys
from collections.abc import MutableMapping
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any

from deploy import bootstrap, logs
from deploy.deciding import Decider
from deploy.erasing import Eraser
from deploy.finding import Finder
from deploy.following import Follower
from deploy.log_ends import LogEnds
from deploy.settings import Settings
from deploy.trial import try_out
from serving_layer.access.audit import AuditLog, Seal
from serving_layer.access.gate import Gate
from serving_layer.access.keys import KeyRing
from serving_layer.access.oidc import Tokens
from serving_layer.asked import Waiting
from serving_layer.desk import Desk
from serving_layer.generations import Generations
from serving_layer.history import History
from serving_layer.metrics import Metrics
from serving_layer.shared import Shared
from serving_layer.web.application import Application
from serving_layer.web.asgi import Exchange, Receive, Send
from serving_layer.web.heads import Heads
from serving_layer.web.protocol import HEADS
from serving_layer.web.routes import Outside, table

# New objects until the collector looks at them, less than a millisecond's worth, for it holds up all requests
# meanwhile; and how often it does until it looks again at what it has seen: hardly ever. Requests leave no
# cycles, and to walk over all remembered answers takes a quarter of a second.
_COLLECT_AFTER = (5_000, 20_000, 10_000)

# Seconds after which the loop gets the interpreter back from a thread: one follows the history, and requests
# would wait for it the usual 5 ms.
_SWITCH_S = 0.0002


class Process:
    """An ASGI application: a beginning, requests, an end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._application: Application | None = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request, or the whole of the process' life."""
        if scope["type"] == "lifespan":
            await self._live(scope["state"], receive, send)
        else:
            assert self._application is not None, "it has begun"
            await self._application(Exchange(scope, receive, send))

    async def _live(self, state: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        self._application = self._begin()
        state[HEADS] = Heads(self._application)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._end()
        await send({"type": "lifespan.shutdown.complete"})

    def _begin(self) -> Application:
        """Open everything."""
        settings, access = self._settings, self._settings.access
        metrics = Metrics()
        redis = bootstrap.redis_aio(settings)
        self._shared = Shared(redis, Generations(settings.generations), metrics)
        self._audit = AuditLog(settings.audit, settings.anchors, Seal(settings.id_key))
        oidc = access.oidc
        tokens = Tokens(oidc.issuer, oidc.audience, oidc.jwks, access.workers) if oidc else None
        gate = Gate(KeyRing(settings.keys, access.workers), tokens)
        desk = Desk(self._shared, self._audit, metrics)
        history = History(settings.history)
        self._follower = Follower(settings, history, lambda: self._shared.generations.current.observer)
        self._follower.start()
        self._ends = LogEnds(settings)
        outside = Outside(
            send=Decider(settings).send,
            erasing=Eraser(settings),
            waiting=Waiting(redis),
            try_out=try_out,
            ends=self._ends,
            find=Finder(settings),
        )
        routes = table(desk, metrics, history, outside)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
        sys.setswitchinterval(_SWITCH_S)
        return Application(routes, gate, metrics)

    async def _end(self) -> None:
        """Close everything."""
        self._follower.stop()
        self._ends.close()
        self._audit.close()
        await self._shared.close()


def _end_with(supervisor: BaseProcess | None) -> None:
    """End when the process that watches this one has died: nobody renews it, and its port is taken."""
    if supervisor is not None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)


def process() -> Process:
    """The application of this process, by its environment."""
    logs.configure()
    Thread(target=_end_with, args=(parent_process(),), daemon=True).start()
    return Process(Settings.load())
