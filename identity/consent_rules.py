"""Reading the rule file's `consent` section: what outcomes of e-mails say of permissions."""

from typing import Final

from identity.problems import Document, Problems
from identity.rules import CONSENT, ConsentRule

OUTCOMES: Final = ("hard_bounce", "complaint", "unsubscribe", "subscribe")
KEYS: Final = ("withdraw", "grant", "channel")


def read(problems: Problems, section: object) -> dict[str, tuple[ConsentRule, ...]]:
    """By outcome what it says; of those that the section does not name, what is usual."""
    said = {
        outcome: _outcome(problems, f"consent.{outcome}", problems.mapping(f"consent.{outcome}", entry, KEYS))
        for outcome, entry in problems.mapping("consent", section, OUTCOMES).items()
    }
    return {**CONSENT, **said}


def _outcome(problems: Problems, path: str, entry: Document) -> tuple[ConsentRule, ...]:
    channel = entry.get("channel", "email")
    if not isinstance(channel, str):
        problems.wrong(f"{path}.channel", "write a name, such as email, or '' for all channels")
        channel = ""
    if ("withdraw" in entry) == ("grant" in entry):
        problems.wrong(path, "write one of 'withdraw: marketing' and 'grant: marketing'")
        return ()
    withdraws = "withdraw" in entry
    purposes = entry["withdraw" if withdraws else "grant"]
    purposes = purposes if isinstance(purposes, list) else [purposes]
    if not purposes or not all(isinstance(name, str) and name.strip() for name in purposes):
        problems.wrong(path, "write a purpose or a list of purposes, such as [marketing, profiling]")
        return ()
    return tuple(ConsentRule(name, withdraws, channel) for name in purposes)
