"""`ucid speed` in a consumer group of its own: `python -m tests.faults.worker NAME`.

The broker keeps the partitions of a worker that was killed for six seconds, should it come back. Where a
test is about what the next one finds in Redis, a group of its own spares it these: a view's offsets are
in Redis, so that groups decide who reads what, and never from where.
"""

import argparse
import sys

from deploy import bootstrap
from deploy.commands import speed

shared = bootstrap.consumer


def own(settings, group, *more):
    return shared(settings, f"{group}-{sys.argv[1]}", *more)


if __name__ == "__main__":
    bootstrap.consumer = own
    sys.exit(speed.run(argparse.Namespace(side_lane=False)))
