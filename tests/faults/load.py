"""Events that keep coming while servers and workers fail."""

from threading import Event, Thread

# So much every so many seconds: below what a worker takes in, above what it does in no time.
SHARE, EVERY = 50, 0.05

# Seconds where a view is built again from the whole log meanwhile, time and again: what comes in while that
# takes makes the next time longer, and at a thousand events a second twenty times do not come to an end.
SELDOM = 0.5


class Load(Thread):
    """Sends a little at a time, and each time waits until the broker has it. Use as a context manager."""

    def __init__(self, ground, traffic, every=EVERY):
        super().__init__(daemon=True)
        self._every = every
        self._ground = ground
        self._traffic = traffic
        self._over = Event()
        self._error = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join(120)
        assert not self.is_alive(), "the broker does not acknowledge any more"
        if self._error is not None:
            raise self._error

    def run(self):
        try:
            while not self._over.wait(self._every):
                self._ground.give(self._traffic.messages(SHARE))
        except BaseException as error:  # noqa: BLE001 - the test is told at its end
            self._error = error
