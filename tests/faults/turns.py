"""Workers that take turns, one round trip to Redis at a time, in an order that a seed decides.

Whatever two processes on two machines can do to each other, they do between two round trips. Here every
such order can come up, the same again for the same seed, and much more often than by waiting for it.
"""

from queue import SimpleQueue
from threading import Semaphore, Thread

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


class InTurn(Redis):
    """A client that waits for its turn before each round trip, while a race is on."""

    def __init__(self, server):
        super().__init__(unix_socket_path=str(server.socket), retry=Retry(NoBackoff(), retries=0))
        self.await_turn = lambda: None

    def execute_command(self, *args, **options):
        self.await_turn()
        return super().execute_command(*args, **options)

    def pipeline(self, *args, **options):
        pipeline = super().pipeline(*args, **options)
        execute = pipeline.execute

        def in_turn():
            self.await_turn()
            return execute()

        pipeline.execute = in_turn
        return pipeline


class _Runner(Thread):
    """Does one job; reports each time that it waits for its turn (True), and when it is done (False)."""

    def __init__(self, client, job, reports):
        super().__init__(daemon=True)
        self._client = client
        self._job = job
        self._reports = reports
        self.turn = Semaphore(0)
        self.result = self.error = None

    def await_turn(self):
        self._reports.put((self, True))
        self.turn.acquire()

    def run(self):
        self._client.await_turn = self.await_turn
        try:
            self.result = self._job()
        except BaseException as error:  # noqa: BLE001 - raised again where the race was started
            self.error = error
        finally:
            self._client.await_turn = lambda: None
            self._reports.put((self, False))


def race(rng, jobs):
    """Do the job of each client of `jobs`, all at once; returns the results in order, or raises an error."""
    reports = SimpleQueue()
    runners = [_Runner(client, job, reports) for client, job in jobs]
    for runner in runners:
        runner.start()
    running, waiting = len(runners), []
    while running:
        while len(waiting) < running:
            runner, waits = reports.get(timeout=60)
            if waits:
                waiting.append(runner)
            else:
                running -= 1
        if waiting:
            waiting.sort(key=runners.index)
            waiting.pop(rng.randrange(len(waiting))).turn.release()
    for runner in runners:
        runner.join()
        if runner.error is not None:
            raise runner.error
    return [runner.result for runner in runners]
