"""What webhooks.yaml gives an endpoint; what is wrong with it is noted, with its path and a remedy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from identity.problems import Document, Problems

# Gets what stands at an address of ours to choose, never at one that a caller names. Raises Unavailable.
Fetch = Callable[[str], bytes]

_REFERENCE = "{env: NAME_OF_A_VARIABLE} or {file: /path/to/a/file}; the secret itself does not belong here"


@dataclass(frozen=True, slots=True)
class Given:
    """One endpoint's entry, and where secrets and certificates come from."""

    problems: Problems
    path: str
    entry: Document
    env: Mapping[str, str] = field(repr=False)
    fetch: Fetch
    proofs: dict[str, str] = field(repr=False)
    """What proves calls at this endpoint, and under which key it was given."""

    def wrong(self, key: str, remedy: str) -> None:
        """Note a problem."""
        self.problems.wrong(f"{self.path}.{key}", remedy)

    def text(self, key: str, example: str, default: str | None = None) -> str:
        """A text; one that must be given where there is no default."""
        if default is not None and key not in self.entry:
            return default
        return self.problems.text(f"{self.path}.{key}", self.entry.get(key), example)

    def texts(self, key: str, example: str) -> tuple[str, ...]:
        """One text or a list of them, which prove calls."""
        found = self.problems.texts(f"{self.path}.{key}", self.entry.get(key), example)
        self.proofs.update(dict.fromkeys(found, key))
        return found

    def mapping(self, key: str, known: tuple[str, ...] = ()) -> Document:
        """A mapping; empty where it is left out."""
        return self.problems.mapping(f"{self.path}.{key}", self.entry.get(key, {}), known)

    def secret(self) -> str:
        """What the variable or the file holds that `secret` refers to; empty where there is a problem."""
        reference = self.entry.get("secret")
        if not isinstance(reference, dict) or len(reference) != 1 or not {"env", "file"} & reference.keys():
            self.wrong("secret", f"write {_REFERENCE}")
            return ""
        ((kind, name),) = reference.items()
        found = self._in_file(str(name)) if kind == "file" else self.env.get(str(name), "")
        if found == "":
            self.wrong("secret", "its file is empty" if kind == "file" else f"set the variable {name}")
        if found:
            self.proofs[found] = "secret"
        return found or ""

    def _in_file(self, name: str) -> str | None:
        try:
            # Editors end a file with a line feed that is no part of a secret.
            return Path(name).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            self.wrong("secret", f"{name} cannot be read: {why}")
            return None
