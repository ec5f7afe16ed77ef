"""What looks on while a test breaks things."""

from threading import Event, Thread


class Beside(Thread):
    """Calls `look` every so many seconds. Use as a context manager."""

    def __init__(self, every):
        super().__init__(daemon=True)
        self._every = every
        self._over = Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join(30)

    def run(self):
        while not self._over.wait(self._every):
            self.look()
