"""`ucid serve`: the HTTP server, until SIGTERM or SIGINT; SIGHUP renews its processes one by one."""

import argparse
import os
from tempfile import TemporaryDirectory

from deploy.door import check
from deploy.settings import Settings

# Seconds that a new process has to begin before the old one is asked to end, and that this one then has.
RENEW_S = 2.0
GRACE_S = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """No arguments: everything is a setting."""
    del parser


def run(options: argparse.Namespace) -> int:
    """Serve; requests in flight are answered before leaving. Raises SettingsError."""
    del options
    settings = Settings.load()
    check(settings)
    if settings.access.workers == 1:
        _serve(settings)
        return 0
    # Before anything of Prometheus' is imported: it looks for this when it is.
    with TemporaryDirectory(prefix="ucid-metrics-") as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        _serve(settings)
    return 0


def _serve(settings: Settings) -> None:
    from granian import Granian  # noqa: PLC0415 - an extra, and slow to import
    from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols  # noqa: PLC0415

    tls = settings.access.tls
    Granian(
        "deploy.serving:process",
        factory=True,
        interface=Interfaces.RSGI,
        address=settings.http_host,
        port=settings.http_port,
        workers=settings.access.workers,
        loop=Loops.uvloop,
        http=HTTPModes.auto,
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=RENEW_S,
        workers_kill_timeout=GRACE_S,
        ssl_cert=tls.certificate,
        ssl_key=tls.key,
        ssl_ca=tls.ca,
        ssl_client_verify=tls.ca is not None,
        ssl_protocol_min=SSLProtocols.tls12,
        # Ours, which tells no personal data: its lines go where all of ours go.
        log_dictconfig={"loggers": {"_granian": {"handlers": [], "level": "WARNING", "propagate": True}}},
    ).serve()
