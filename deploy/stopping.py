"""Ending gracefully: a signal asks, and whoever works looks between two batches."""

import logging
import signal
from threading import Event, Thread

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals() -> Event:
    """An event that SIGTERM or SIGINT sets; more of them change nothing. Call it before threads start.

    A thread waits for the signals, and no handler interrupts: one that ran while the loop held the event's
    lock would wait for it for ever.
    """
    stop = Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def wait() -> None:
        while True:
            number = signal.sigwait(_SIGNALS)
            log.info("%s: finishing the batch in hand", signal.Signals(number).name)
            stop.set()

    Thread(target=wait, name="signals", daemon=True).start()
    return stop
