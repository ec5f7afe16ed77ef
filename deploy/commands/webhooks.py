"""`ucid webhooks`: the calls of e-mail services, until SIGTERM or SIGINT."""

import argparse

import uvicorn

from deploy import bootstrap
from deploy.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Everything else is a setting."""
    parser.add_argument("--check", action="store_true", help="only say whether the endpoints can be used")


def run(options: argparse.Namespace) -> int:
    """Serve; calls in hand are answered before leaving. Raises InputError of a file that cannot be used."""
    settings = Settings.load()
    endpoints = bootstrap.endpoints(settings)
    if options.check:
        for name, endpoint in endpoints.items():
            print(f"POST /v1/webhooks/{name}: {endpoint.kind}, tenant {endpoint.tenant}")
        return 0
    host, port = settings.webhooks_http
    uvicorn.run(
        bootstrap.webhooks(settings, endpoints),
        host=host,
        port=port,
        log_config=None,  # ours, which tells no personal data
        log_level="warning",
        access_log=False,
    )
    return 0
