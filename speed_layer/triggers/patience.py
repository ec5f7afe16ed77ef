"""Trying again while a server is away, and never saying done of what is not."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from redis.exceptions import RedisError

from schemas import Unavailable
from schemas.generation import BrokenGeneration
from speed_layer.triggers.errors import NotYet

log = logging.getLogger(__name__)

# Seconds to wait before trying again, doubling from the first to the second.
BACKOFF_S = (0.05, 5.0)

# What passes by itself.
_AWAY = (RedisError, KafkaException, KafkaError, Unavailable, BrokenGeneration, NotYet, OSError)

Result = TypeVar("Result")


def end(error: Exception) -> NoReturn:
    """End the process at once, for an error that nobody expected.

    Nothing is tidied up: Faust would count the message at fault as done, and go on.
    """
    log.critical("ended by an error that nobody expected: %s", error, exc_info=error)
    logging.shutdown()
    os._exit(1)


async def patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    """Do it, again and again while something that it needs is away. Any other error is the end."""
    wait = BACKOFF_S[0]
    while True:
        try:
            return await work()
        except _AWAY as error:
            if not isinstance(error, NotYet):
                log.warning("trying again in %.2f s: %s", wait, error)
        except Exception as error:  # noqa: BLE001 - told, and the end of the process
            end(error)
        await asyncio.sleep(wait)
        wait = min(2 * wait, BACKOFF_S[1])
