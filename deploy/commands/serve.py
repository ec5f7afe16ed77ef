"""`ucid serve`: lookups over HTTP, until SIGTERM or SIGINT."""

import argparse

import uvicorn

from deploy import bootstrap
from deploy.settings import Settings
from serving_layer.http import application


def configure(parser: argparse.ArgumentParser) -> None:
    """No arguments: everything is a setting."""
    del parser


def run(options: argparse.Namespace) -> int:
    """Serve; requests in flight are answered before leaving."""
    del options
    settings = Settings.load()
    app = application(bootstrap.serving_view(settings))
    uvicorn.run(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,  # ours, which tells no personal data
        log_level="warning",
        access_log=False,
    )
    return 0
