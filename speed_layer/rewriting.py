"""Redis' append-only file, after an erasure: what was deleted stays in it until it is written anew.

By itself Redis does so once the file has doubled, and a small one never. So once readers stand on a
generation that was made without those who were erased, and the keys of the views before it are gone, a worker
asks for it, and notes that in Redis, where the receipt of an erasure looks.
"""

import logging
from typing import cast

from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

from schemas import overlay
from schemas.generation import Generation

log = logging.getLogger(__name__)


class Rewriting:
    """One worker's part in it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._done: int | None = None  # the generation that needs nothing any more

    def step(self, live: Generation) -> None:
        """Have the file written anew if readers on that generation want it. Raises RedisError."""
        if self._done == live.number:
            return
        erased = live.manifest.erased
        if erased and self._redis.exists(overlay.LEFT):
            return  # somebody is about to delete what a view held
        if erased > int(cast("bytes | None", self._redis.get(overlay.REWRITTEN)) or 0):
            try:
                if not self._asked():
                    return
            except NoPermissionError:
                log.warning(
                    "Redis does not let us have its append-only file written anew, and those who were erased "
                    "are in it until then: allow BGREWRITEAOF, or see to it yourself"
                )
            else:
                self._redis.set(overlay.REWRITTEN, erased)
        self._done = live.number

    def _asked(self) -> bool:
        """Whether a file that is begun from here on takes the place of the one there is, if there is one."""
        try:
            if self._redis.info("persistence")["aof_enabled"]:
                self._redis.bgrewriteaof()
        except NoPermissionError:
            raise
        except ResponseError:
            return False  # one is being written, and may have been begun before
        return True
