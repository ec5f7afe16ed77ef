"""`ucid doctor`: what this machine has, and which command gets what it lacks."""

import argparse
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from deploy.local import LocalStackError, find_java
from deploy.local.redis import find_redis

_PACKAGES = {
    "speed": ("confluent-kafka", "redis", "lmdb", "prometheus-client"),
    "batch": ("pyspark", "delta-spark"),
    "serve": ("uvicorn", "httptools", "pyjwt", "redis", "lmdb"),
    "webhooks": ("cryptography", "httpx", "starlette", "uvicorn"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """No arguments."""
    del parser


def run(options: argparse.Namespace) -> int:
    """Print a line for each requirement; exit code 1 where one is missing."""
    del options
    findings = [_tool("Java 17+", lambda: str(find_java())), _tool("Redis", lambda: str(find_redis()))]
    for extra, packages in _PACKAGES.items():
        findings += [_package(name, extra) for name in packages]
    for good, line in findings:
        print(f"{'ok     ' if good else 'MISSING'} {line}")
    return 0 if all(good for good, _ in findings) else 1


Finding = tuple[bool, str]


def _tool(name: str, find: Callable[[], str]) -> Finding:
    try:
        return True, f"{name}: {find()}"
    except LocalStackError as error:
        return False, f"{name}: {error}"


def _package(name: str, extra: str) -> Finding:
    try:
        return True, f"{name} {version(name)}"
    except PackageNotFoundError:
        return False, f"{name}: pip install 'ucid[{extra}]'"
