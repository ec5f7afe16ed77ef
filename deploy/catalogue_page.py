"""The catalogue as tables of a Markdown page: it stands between two marks, and what is around it stays."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.errors import InputError
from schemas.counted import Counted, Fed, Source

BEGIN: Final = "<!-- catalogue: written by 'ucid catalogue --page', not by hand -->"
END: Final = "<!-- end of the catalogue -->"

_WAYS: Final = {"events": "events", "records": "records that are loaded"}
_CONFIGURED: Final = ("feeds", "", "used for", "how personal")
_COUNTED: Final = ("accepted", "rejected", "newest", "taken in")


def write(page: Path, tenants: Iterable[Counted]) -> None:
    """Put the tables between the marks of a page, which is made where there is none. Raises InputError."""
    text = page.read_text("utf-8") if page.exists() else f"# The catalogue\n\n{BEGIN}\n{END}\n"
    around = re.fullmatch(f"(.*{re.escape(BEGIN)}\n).*({re.escape(END)}.*)", text, re.DOTALL)
    if around is None:
        raise InputError(f"{page}: has no place for the catalogue: write the lines {BEGIN} and {END} into it")
    page.write_text(f"{around[1]}\n{tables(tenants)}\n{around[2]}", "utf-8")


def tables(tenants: Iterable[Counted]) -> str:
    """A section for each source; figures where anything is counted."""
    found = [(one.tenant, source) for one in tenants for source in one.sources]
    counted = any(source.taken_in for _, source in found)
    return "\n".join(line for each in found for line in _section(*each, counted=counted))


def classed(fed: Fed) -> str:
    """How personal it is, and whether that is only assumed."""
    return f"{fed.personal} (assumed)" if fed.assumed else fed.personal


def used(fed: Fed) -> str:
    """What it is used for."""
    return "not used" if fed.used == ["none"] else ", ".join(fed.used)


def _section(tenant: str, source: Source, *, counted: bool) -> Iterator[str]:
    whose = f" of {tenant}" if tenant else ""
    yield f"### {source.name}{whose}: {_WAYS[source.way]}\n"
    if counted:
        figures = zip(_COUNTED, _figures(source), strict=True)
        yield f"{', '.join(f'{name}: {figure}' for name, figure in figures)}\n"
    heads = [*_CONFIGURED, *(_COUNTED if counted else ())]
    yield _row(heads)
    yield _row(["---"] * len(heads))
    for kind, some in (("identifier", source.identifiers), ("attribute", source.attributes)):
        for fed in some:
            use = "joining" if kind == "identifier" else used(fed)
            cells = [_code(fed.name), kind, use, classed(fed)]
            yield _row([*cells, *(_figures(fed) if counted else ())])
    yield ""


def _figures(counted: Source | Fed) -> list[str]:
    moments = (counted.newest, counted.taken_in)
    return [f"{counted.accepted:,}", f"{counted.rejected:,}", *map(_moment, moments)]


def _moment(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment / 1_000_000, UTC):%Y-%m-%d %H:%M}" if moment else "never"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(name: str) -> str:
    """A name is whatever a producer wrote: here it is neither markup nor the end of a cell."""
    return f"`{re.sub(r'[`|]|[^ -~]', '?', name)}`"
