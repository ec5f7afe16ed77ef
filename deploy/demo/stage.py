"""What the demo prints."""


def act(title: str) -> None:
    """Begin an act."""
    print(f"\n{title}", flush=True)


def say(text: str) -> None:
    """A line of the act."""
    print(f"   {text}", flush=True)
