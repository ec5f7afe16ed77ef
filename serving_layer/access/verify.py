"""Is the audit log what was written? Finds edits, deletions and truncation."""

import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from serving_layer.access.audit import END, START, Anchor, Entry, Line, Seal


class Verdict(NamedTuple):
    """How many files and lines were looked at, and what is wrong with them."""

    files: int
    lines: int
    problems: list[str]


def verify(directory: Path, anchors: Path, seal: Seal) -> Verdict:
    """Compare every line with its seal, and every file with its anchor and with those before it."""
    problems: list[str] = []
    lines = 0
    ends: dict[str, str] = {}
    begins: dict[str, str] = {}
    seals: dict[str, list[str]] = {}
    files = sorted(directory.glob("*.jsonl"))
    for path in files:
        chain = _Chain(path, seal)
        problems += chain.problems
        lines += len(chain.seals)
        seals[path.name] = chain.seals
        if chain.begins:
            begins[path.name] = chain.begins
        if chain.ended:
            ends[chain.seals[-1]] = path.name
    for name, prior in begins.items():
        if prior not in ends:
            problems.append(f"{name}: follows a file that is gone, or that has another end")
    problems += _unanchored(seals, anchors, seal)
    return Verdict(len(files), lines, problems)


def entries(directory: Path) -> Iterator[tuple[Line, Entry]]:
    """All entries that can be read, each with the line that it stands in."""
    for path in sorted(directory.glob("*.jsonl")):
        with path.open("rb") as lines:
            for text in lines:
                try:
                    line = msgspec.json.decode(text.split(b"\t")[0], type=Line)
                except msgspec.DecodeError:
                    break
                for entry in line.entries:
                    yield line, entry


class _Chain:
    """The lines of one file."""

    def __init__(self, path: Path, seal: Seal) -> None:
        self.problems: list[str] = []
        self.seals: list[str] = []
        self.begins = ""
        self.ended = False
        data = path.read_bytes()
        torn = bool(data) and not data.endswith(b"\n")
        before: str | None = None
        for number, text in enumerate(data.splitlines(), 1):
            fault = self._fault(text, number, before, seal)
            if fault is not None:
                self.problems.append(f"{path.name}: line {number}: {fault}")
                return
            before = self.seals[-1]
        if not self.seals or torn:
            self.problems.append(f"{path.name}: its last line is cut off")

    def _fault(self, text: bytes, number: int, before: str | None, seal: Seal) -> str | None:
        try:
            body, prior, written = (part for part in text.split(b"\t"))
            line = msgspec.json.decode(body, type=Line)
        except (ValueError, msgspec.DecodeError):
            return "was changed: it is no line of ours"
        if self.ended:
            return "stands behind the end"
        if not hmac.compare_digest(seal.next(prior.decode(), body).encode(), written):
            return "was changed: its seal does not fit"
        if line.n != number - 1 or (before is not None and prior.decode() != before):
            return "does not follow the one before: a line was taken out, put in or moved"
        if before is None:
            if line.kind != START:
                return "is no beginning: lines before it were taken out"
            self.begins = prior.decode()
        self.ended = line.kind == END
        self.seals.append(written.decode())
        return None


def _unanchored(seals: dict[str, list[str]], anchors: Path, seal: Seal) -> Iterator[str]:
    seen = set()
    for path in sorted(anchors.glob("*.json")):
        try:
            anchor = msgspec.json.decode(path.read_bytes(), type=Anchor)
        except msgspec.DecodeError:
            yield f"{path.name}: was changed: it is no anchor of ours"
            continue
        if not anchor.is_sound(seal):
            yield f"{path.name}: was changed: its seal does not fit"
            continue
        seen.add(anchor.file)
        known = seals.get(anchor.file)
        if known is None:
            yield f"{anchor.file}: is gone, and had {anchor.lines} lines"
        elif len(known) < anchor.lines or known[anchor.lines - 1] != anchor.last:
            yield f"{anchor.file}: had {anchor.lines} lines, of which the last are gone or others"
    for name in sorted(seals.keys() - seen):
        yield f"{name}: has no anchor"
