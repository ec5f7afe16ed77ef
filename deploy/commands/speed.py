"""`ucid speed`: a worker of the speed layer, until SIGTERM or SIGINT.

Where an event bears on too many identifiers the worker starts `ucid speed --side-lane` beside it, which works
off what does, and ends.
"""

import argparse
import gc
from collections.abc import Iterator
from contextlib import contextmanager

from deploy import bootstrap
from deploy.settings import Settings, SettingsError
from deploy.side_process import SideProcess
from deploy.stopping import stop_on_signals
from speed_layer.endpoint import Endpoint
from speed_layer.metrics import Metrics
from speed_layer.redis_statistics import RedisStatistics

# Seconds that a scrape waits for Redis: Prometheus itself waits ten.
_SCRAPE_S = 1.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Everything else is a setting."""
    parser.add_argument(
        "--side-lane",
        action="store_true",
        help="apply what bears on too many identifiers, then end; a worker starts this by itself",
    )


def run(options: argparse.Namespace) -> int:
    """Work; a batch in hand is finished before leaving."""
    stop = stop_on_signals()
    # Each batch makes a hundred thousand tuples and no cycle; looking for cycles in them took a quarter of
    # the time. What a library may leave is still collected, now and then.
    gc.set_threshold(1_000_000)
    settings = Settings.load()
    if options.side_lane:
        bootstrap.side_lane(settings).run(stop)
        return 0
    metrics = Metrics()
    with _endpoint(settings, metrics), SideProcess() as side_lane:
        bootstrap.worker(settings, metrics, side_lane.start).run(stop)
    return 0


@contextmanager
def _endpoint(settings: Settings, metrics: Metrics) -> Iterator[None]:
    """Health and metrics over HTTP, if they are wanted. Raises SettingsError."""
    if settings.speed_http is None:
        yield
        return
    RedisStatistics(bootstrap.redis(settings, timeout=_SCRAPE_S), metrics.registry)
    try:
        endpoint = Endpoint(settings.speed_http, metrics.registry, metrics.health)
    except OSError as error:
        host, port = settings.speed_http
        raise SettingsError(f"UCID_SPEED_HTTP is {host}:{port}, where we cannot listen: {error}.") from None
    with endpoint:
        yield
