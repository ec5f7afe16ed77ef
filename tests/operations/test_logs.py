"""Log lines: well-formed, and without what an error that others raised might quote."""

import json
import logging
import subprocess
import sys

import pytest
from confluent_kafka import KafkaError, KafkaException
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from deploy import logs
from deploy.settings import SettingsError
from schemas import Malformed
from speed_layer.errors import LostView

VALUE = "ann@example.com"

pytestmark = pytest.mark.usefixtures("own_logging")


@pytest.fixture
def told(capsys):
    """Logs by a call, as JSON; returns the line."""

    def tell(*args, **kwargs):
        # In the test, not before it: pytest exchanges standard error in between.
        logs.configure({"UCID_LOG": "json", "UCID_LOG_LEVEL": "debug"})
        logging.getLogger("speed_layer.worker").warning(*args, **kwargs)
        (line,) = capsys.readouterr().err.splitlines()
        return json.loads(line)

    return tell


def test_a_line_of_json(told):
    line = told("trying again in %.1f s", 0.2)
    at = line.pop("at")
    assert line == {"level": "warning", "logger": "speed_layer.worker", "text": "trying again in 0.2 s"}
    assert at.endswith("Z")
    assert len(at) == len("2026-01-01T00:00:00.000Z")


def test_a_line_of_text(capsys):
    logs.configure({})
    logging.getLogger("a").info("one\ntwo")
    logging.getLogger("a").debug("too much")
    assert capsys.readouterr().err.endswith("Z INFO a: one two\n")


def test_a_line_that_does_not_fit_its_arguments_tells_none(told):
    assert told("%d of %d", VALUE)["text"] == "%d of %d"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (LostView("the view is gone from Redis"), "LostView: the view is gone from Redis"),
        (Malformed("occurred_at: is missing"), "Malformed: occurred_at: is missing"),
        (FileNotFoundError(2, "No such file"), "FileNotFoundError: [Errno 2] No such file"),
        (KeyError(VALUE), "KeyError"),
        (ValueError(f"cannot read {VALUE}"), "ValueError"),
        (ResponseError(f"OOM command not allowed: {VALUE}"), "ResponseError: OOM"),
        (
            ResponseError(f"Command # 1 (MGET {VALUE}) of pipeline caused error: WRONGTYPE x"),
            "ResponseError: WRONGTYPE",
        ),
        (ResponseError(f"unknown command with args {VALUE}"), "ResponseError"),
        (ResponseError(f"Error running script: @user_script: 13: -OOM {VALUE}"), "ResponseError: OOM"),
        (
            RedisConnectionError("Error 111 connecting to redis:6379."),
            "ConnectionError: Error 111 connecting to redis:6379.",
        ),
        (KafkaException(KafkaError(KafkaError.NOT_COORDINATOR)), "KafkaException: Broker: Not coordinator"),
    ],
)
def test_errors_are_told_without_values(told, error, expected):
    assert told("trying again: %s", error)["text"] == f"trying again: {expected}"
    assert told(error)["text"] == expected


def test_a_trace_says_where_and_not_what(told):
    def inner():
        raise KeyError(VALUE)

    try:
        try:
            inner()
        except KeyError as error:
            raise LostView("gone") from error
    except LostView as error:
        line = told("oh", exc_info=error)
    assert "LostView: gone\nfrom\n" in line["trace"]
    assert "in inner\nKeyError" in line["trace"]
    assert VALUE not in str(line)


@pytest.mark.parametrize("where", ["main", "thread"])
def test_an_error_nobody_expected_is_told_without_values(where, python_env):
    code = f"""
from deploy import logs
logs.configure({{"UCID_LOG": "json"}})
def fail():
    raise KeyError({VALUE!r})
if {where!r} == "main":
    fail()
import threading
thread = threading.Thread(target=fail)
thread.start()
thread.join()
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], env=python_env, capture_output=True, text=True, check=False
    )
    assert ended.returncode == (1 if where == "main" else 0)
    (line,) = map(json.loads, ended.stderr.splitlines())
    assert line["level"] == "critical"
    assert "in fail\nKeyError" in line["trace"]
    assert VALUE not in ended.stderr


@pytest.mark.parametrize("variable", ["UCID_LOG", "UCID_LOG_LEVEL"])
def test_a_wrong_setting_is_named(variable):
    with pytest.raises(SettingsError, match=f"^{variable} is 'xml': use one of"):
        logs.configure({variable: "xml"})


def test_the_command_says_so(python_env):
    command = [sys.executable, "-m", "deploy", "rules", "check", "none.yaml"]
    env = python_env | {"UCID_LOG": "xml"}
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"ucid: UCID_LOG is 'xml'")
