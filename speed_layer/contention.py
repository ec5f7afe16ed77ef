"""Trying again what met a conflict: another worker wrote between our reading and our writing."""

import random
import time
from collections.abc import Iterator
from typing import Final

from speed_layer.errors import Contention

# Each try means that another worker has made progress, so this is reached by a fault only.
MAX_TRIES: Final = 200


def attempts(what: str) -> Iterator[None]:
    """One turn a try, with a pause after each; who has got through leaves the loop.

    Raises Contention, which says that `what` met a conflict, where nobody left it in MAX_TRIES.
    """
    for tried in range(MAX_TRIES):
        yield
        # Colliding workers must not keep step with each other.
        time.sleep(random.uniform(0, 0.001 * min(tried, 20)))  # noqa: S311 - no secret
    raise Contention(f"{what} met a conflict {MAX_TRIES} times")
