"""The application behind a real socket, in a thread of the test: for clients that speak HTTP."""

import asyncio
from threading import Event, Thread

import pytest
from uvicorn import Config, Server

from deploy.awaiting import until
from deploy.local.ports import free_port
from identity import Verdict
from serving_layer.web.asgi import Exchange
from serving_layer.web.heads import Heads
from serving_layer.web.protocol import HEADS, Protocol
from tests.graph.redis_server import RedisServer
from tests.serving.client import Served
from tests.serving.conftest import aio
from tests.serving.world import TOM, World, change


class Running(Served):
    """A `Served` at `url`; use as a context manager. `stop` and `start` make it go and come back."""

    def __init__(self, world, redis, directory):
        super().__init__(world, directory, aio(redis))
        self._loop.close()  # each start has one of its own
        self._redis_server = redis
        self.port = free_port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        begun = Event()
        self._thread = Thread(target=self._run, args=(begun,), name="server")
        self._thread.start()
        assert begun.wait(30), "the server does not begin"

    def stop(self):
        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive(), "the server does not end"

    def _run(self, begun):
        self._loop = asyncio.new_event_loop()
        self._redis = aio(self._redis_server)
        self._loop.run_until_complete(self._serve(begun))
        super().__exit__()

    async def _serve(self, begun):
        await self._begin()
        config = Config(
            self._one,
            port=self.port,
            interface="asgi3",
            http=Protocol,
            ws="none",
            proxy_headers=False,
            log_config=None,
        )
        self._server = Server(config)
        serving = asyncio.ensure_future(self._server.serve())
        await asyncio.to_thread(until, lambda: self._server.started, "the server", every=0.01)
        begun.set()
        await serving

    async def _one(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            scope["state"][HEADS] = Heads(self.application)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await self.application(Exchange(scope, receive, send))


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    directory = tmp_path_factory.mktemp("running")
    with RedisServer() as redis:
        world = World(redis.client(), directory / "generations")
        world.publish()
        world.go_live()
        world.apply({**TOM, "cookie": "a"}, {"cookie": "lone"})
        world.decide(("login", "ann"), ("email", "ann@example.com"), Verdict.CANNOT)
        with Running(world, redis, directory) as running:
            running.history.take([change(i) for i in range(5)], [], {})
            yield running
