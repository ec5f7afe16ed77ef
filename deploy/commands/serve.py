"""`ucid serve`: the HTTP server, until SIGTERM or SIGINT; SIGHUP renews its processes one by one."""

import argparse
import os
import ssl
from tempfile import TemporaryDirectory

from deploy.door import check
from deploy.settings import Settings

# Seconds that requests in flight have to be answered when a process is asked to end.
GRACE_S = 20

# Seconds that a new process has to begin, at a SIGHUP, before the old one is asked to end; and that each has
# to say that it lives.
BEGIN_S = 20

# Seconds that a connection may be silent between two requests.
KEEP_ALIVE_S = 75


def configure(parser: argparse.ArgumentParser) -> None:
    """No arguments: everything is a setting."""
    del parser


def run(options: argparse.Namespace) -> int:
    """Serve; requests in flight are answered before leaving. Raises SettingsError."""
    del options
    settings = Settings.load()
    check(settings)
    if settings.access.workers == 1:
        return _serve(settings)
    # Before anything of Prometheus' is imported: it looks for this when it is.
    with TemporaryDirectory(prefix="ucid-metrics-") as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        return _serve(settings)


def _serve(settings: Settings) -> int:
    from uvicorn.config import STARTUP_FAILURE, Config  # noqa: PLC0415 - an extra, and slow to import
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415

    tls = settings.access.tls
    config = Config(
        "deploy.serving:process",
        factory=True,
        interface="asgi3",
        lifespan="on",
        host=settings.http_host,
        port=settings.http_port,
        workers=settings.access.workers,
        loop="uvloop",
        http="serving_layer.web.protocol:Protocol",
        ws="none",
        ssl_certfile=tls.certificate,
        ssl_keyfile=str(tls.key) if tls.key else None,
        ssl_ca_certs=str(tls.ca) if tls.ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls.ca else ssl.CERT_NONE,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        timeout_worker_healthcheck=BEGIN_S,
        proxy_headers=False,
        server_header=False,
        # Its lines go where all of ours go, which tell no personal data.
        log_config=None,
        log_level="warning",
        access_log=False,
    )
    # Also for one process: who watches it begins another where it died, and renews it at a SIGHUP.
    supervisor = Multiprocess(config, [config.bind_socket()])
    supervisor.run()
    return int(any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes))
