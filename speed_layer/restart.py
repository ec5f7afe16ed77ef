"""A Redis that was started again: nothing is written to it before its file is known to be whole.

A file that lost its end may stop within a transaction. Redis leaves out that transaction when it starts
(`aof-load-truncated`), and yet keeps the whole commands of it in the file. What is written next is put
behind them, so that the start after that joins half an old commit to a new one, or drops the new one
(valkey-io/valkey#4342 describes it; versions without that fix are everywhere). Written anew from memory,
the file has no such end.
"""

import logging
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from schemas import overlay

log = logging.getLogger(__name__)


def is_whole(redis: Redis, run: str, noted: bytes | None) -> bool:
    """Whether one may write to this run of Redis; has its file written anew, if that is what it takes.

    `noted` is what `overlay.RUN` holds. Ask again until it is.
    """
    if noted == run.encode():
        return True
    state = redis.info("persistence")
    if state["aof_enabled"] and not _is_rewritten(redis, state):
        return False
    redis.set(overlay.RUN, run)
    return True


def _is_rewritten(redis: Redis, state: dict[str, Any]) -> bool:
    if state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"]:
        return False
    # Since it started, that is.
    if state["aof_last_rewrite_time_sec"] >= 0 and state["aof_last_bgrewrite_status"] == "ok":
        return True
    try:
        redis.bgrewriteaof()
    except ResponseError as error:
        if "in progress" not in str(error):
            log.warning("Redis does not let us have its file written anew: %s", error)
            return True
    return False
