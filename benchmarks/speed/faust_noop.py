"""A peer, as a program: a Faust agent that takes each message, undecoded, and does nothing with it."""

import argparse
import os
from time import perf_counter
from typing import Any, NoReturn

import msgspec

_OFTEN = 1_000  # messages between two looks at the clock


def main() -> None:
    """Read a topic from its beginning for so many seconds, and print the rate."""
    parser = argparse.ArgumentParser()
    parser.add_argument("topic")
    parser.add_argument("kafka")
    parser.add_argument("data", help="a directory")
    parser.add_argument("messages", type=int, help="as many as there are")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--uvloop", action="store_true", help="uvloop, not asyncio's own loop")
    options = parser.parse_args()
    if options.uvloop:
        import mode.loop  # noqa: PLC0415 - before Faust, which then finds it in place

        mode.loop.use("uvloop")
    import faust  # noqa: PLC0415 - see above

    app = faust.App(
        f"ucid-bench-faust-{os.getpid()}",  # a group of its own: nobody waits for the last run's member
        broker=f"kafka://{options.kafka}",
        datadir=options.data,
        value_serializer="raw",
        key_serializer="raw",
        store="memory://",
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        web_enabled=False,
    )
    _count(app, options.topic, options.messages, options.seconds)
    # Standard output stays ours.
    faust.Worker(app, loglevel="error", quiet=True, redirect_stdouts=False).execute_from_commandline()


def _count(app: Any, topic: str, messages: int, seconds: float) -> None:  # noqa: ANN401 - Faust is untyped
    async def nothing(stream: Any) -> None:  # noqa: ANN401
        seen, start = 0, perf_counter()
        async for _ in stream:
            if not seen:
                start = perf_counter()
            seen += 1
            if seen == messages or (not seen % _OFTEN and perf_counter() - start > seconds):
                _tell((seen - 1) / (perf_counter() - start))

    app.agent(app.topic(topic, value_type=bytes))(nothing)


def _tell(rate: float) -> NoReturn:
    # On a line of its own: Faust has moved the cursor.
    print(f"\n{msgspec.json.encode({'per_second': rate}).decode()}", flush=True)
    os._exit(0)  # to leave its group takes Faust seconds, and nobody waits for its offsets


if __name__ == "__main__":
    main()
