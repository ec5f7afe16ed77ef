"""`ucid batch` that kills itself at a point of its run: `python -m tests.faults.dying POINT SECONDS`.

So many seconds after the point was reached it is gone, as from `kill -9`; Spark's JVM goes with it.
"""

import os
import signal
import sys
from functools import wraps
from threading import Timer

from batch_layer.bronze import Bronze
from batch_layer.examine import Examiner
from batch_layer.gold import Gold
from batch_layer.run import run
from batch_layer.session import SMALL
from deploy import bootstrap
from deploy.settings import Settings
from schemas.generation import Builder, Manifest

# What is told when a part begins.
PHASES = ("landing the log", "facts from the log", "who is who", "names", "tables", "the new generation")

# And moments between: what is called, and whether before or after it.
MOMENTS = {
    "landed": (Bronze, "land", "after"),
    "a table is written": (Gold, "write", "after"),
    "before the report": (Examiner, "write", "before"),
    "after the report": (Examiner, "write", "after"),
    "before the publication": (Builder, "publish", "before"),
    "after the publication": (Builder, "publish", "after"),
}
POINTS = (*PHASES, *MOMENTS)


def main(point, seconds):
    def reached():
        if seconds:
            Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
        else:
            os.kill(os.getpid(), signal.SIGKILL)

    if point in MOMENTS:
        owner, name, when = MOMENTS[point]
        setattr(owner, name, told(getattr(owner, name), when, reached))
    job = bootstrap.batch_job(Settings.load(), SMALL)
    found: Manifest = run(job, progress=lambda phase: reached() if phase == point else None)
    print(found.generation)


def told(method, when, reached):
    @wraps(method)
    def wrapped(*args, **options):
        if when == "before":
            reached()
        result = method(*args, **options)
        if when == "after":
            reached()
        return result

    return wrapped


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
