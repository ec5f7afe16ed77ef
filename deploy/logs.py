"""Logs: one line per event on standard error, for people or as JSON, and without personal data.

Identifiers are personal data, and the texts of errors that others raise may quote them: redis-py repeats
the arguments of a command that failed, a KeyError is its key. So an error in a log line is told by `told`,
which repeats only what is known to be clean; that holds for tracebacks and for errors nobody caught.
"""

import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType

import msgspec

from deploy.choice import choice

# The first of each is the default.
FORMATS = ("text", "json")
LEVELS = ("info", "debug", "warning", "error")

# Errors of these packages are written to name no value.
_OURS = ("identity", "schemas", "speed_layer", "batch_layer", "serving_layer", "deploy", "benchmarks")

# What Redis calls its errors by.
_CODES = re.compile(
    r"\b(?:BUSY|EXECABORT|LOADING|MASTERDOWN|MISCONF|NOAUTH|NOPERM|NOREPLICAS|NOSCRIPT|OOM|READONLY|WRONGPASS|"
    r"WRONGTYPE)\b"
)

log = logging.getLogger("ucid")


def configure(env: Mapping[str, str] = os.environ) -> None:
    """Set up logging for this process, by UCID_LOG and UCID_LOG_LEVEL. Raises SettingsError."""
    form = choice(env, "UCID_LOG", FORMATS)
    level = choice(env, "UCID_LOG_LEVEL", LEVELS)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Py4J tells of each connection that it closes.
    logging.getLogger("py4j").setLevel(logging.WARNING)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, text, and of an error its trace."""

    def format(self, record: logging.LogRecord) -> str:
        """Never more than one line, whatever the text holds."""
        line = {
            "at": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": _text(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = trace(record.exc_info[1])
        return msgspec.json.encode(line).decode()


class Text(logging.Formatter):
    """Time, level, logger and text, with an error's trace below."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and more for a trace."""
        line = f"{_time(record)} {record.levelname} {record.name}: {_text(record)}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f"\n{trace(record.exc_info[1])}"
        return line


def told(error: BaseException) -> str:
    """An error's name and as much of its text as cannot hold personal data."""
    name = type(error).__name__
    package = type(error).__module__.partition(".")[0]
    if package in _OURS or isinstance(error, OSError):
        return f"{name}: {error}"
    if package == "redis":
        return _redis(name, error)
    if package in {"confluent_kafka", "cimpl"} and error.args and hasattr(error.args[0], "str"):
        # A broker's or librdkafka's own words: addresses, topics and partitions.
        return f"{name}: {error.args[0].str()}"
    return name


def trace(error: BaseException) -> str:
    """Where an error came from: files, lines and functions of it and its causes, without foreign texts."""
    parts: list[str] = []
    found: BaseException | None = error
    while found is not None and len(parts) < 10:  # noqa: PLR2004 - a chain is that long only in a loop
        frames = traceback.extract_tb(found.__traceback__)
        where = "".join(f"  {frame.filename}:{frame.lineno} in {frame.name}\n" for frame in frames)
        parts.append(f"{where}{told(found)}")
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\nfrom\n".join(parts)


def _redis(name: str, error: BaseException) -> str:
    from redis.exceptions import ResponseError  # noqa: PLC0415 - an extra; it is loaded, or there was no error

    text = str(error)
    if not isinstance(error, ResponseError):
        return f"{name}: {text}"  # of the connection
    # The rest may quote the command, with identifiers as arguments; a script's error hides its code within.
    codes = dict.fromkeys(_CODES.findall(text))
    return f"{name}: {' '.join(codes)}" if codes else name


def _text(record: logging.LogRecord) -> str:
    """The record's text, with errors among its arguments told, and on one line."""
    args = record.args
    if isinstance(args, tuple):
        args = tuple(told(arg) if isinstance(arg, BaseException) else arg for arg in args)
    message = told(record.msg) if isinstance(record.msg, BaseException) else str(record.msg)
    try:
        return (message % args if args else message).replace("\n", " ")
    except (TypeError, ValueError):
        # Logging itself would print the arguments to say that they do not fit.
        return message


def _time(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _uncaught(kind: type[BaseException], error: BaseException | None, _: TracebackType | None) -> None:
    if error is not None and not issubclass(kind, KeyboardInterrupt | SystemExit):
        log.critical("ended by an error that nobody expected: %s", error, exc_info=error)
