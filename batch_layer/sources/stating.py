"""The permissions that a record states, as expressions; and what is wrong with them."""

from collections.abc import Sequence
from typing import Final

from pyspark.sql import Column as Expression
from pyspark.sql import functions as f

from batch_layer.sources.consents import LENGTHS
from batch_layer.sources.mapping import Cells
from batch_layer.sources.model import Consent, Template
from batch_layer.tables import STATED
from schemas.checks import EARLIEST, MOST_AHEAD

GRANTED: Final = "granted"
WITHDRAWN: Final = "withdrawn"

# Column, rule, reason and condition.
_Wrong = tuple[str, str, str, Expression]


def stated(cells: Cells) -> Expression:
    """What a record states, of the type STATED; null of a source that says nothing of consents.

    `failures` is among the columns. A record that is marked as deleted grants nothing; what it withdraws
    counts if nothing is wrong with it.
    """
    nothing = f.lit(None).cast(STATED)
    if not cells.source.consents:
        return nothing
    entries = f.array(*(_entry(cells, consent) for consent in cells.source.consents))
    said = f.filter(entries, lambda one: one["status"].isNotNull())
    left = f.filter(said, lambda one: one["status"] == WITHDRAWN)
    of_deleted = f.when(f.size("failures") == 0, left)
    return f.when(f.col("deleted"), of_deleted).otherwise(said).cast(STATED)


def wrongs(cells: Cells, now: int) -> list[_Wrong]:
    """Everything that can be wrong with what is stated; `now` is the time of the load in microseconds."""
    return [wrong for consent in cells.source.consents for wrong in _of_consent(cells, consent, now)]


def _entry(cells: Cells, consent: Consent) -> Expression:
    status = _status(cells, consent)
    # A withdrawal has no end; the columns may still tell of the grant before it.
    is_grant = status == GRANTED
    return f.struct(
        *(
            _word(cells, getattr(consent, name)).alias(name)
            for name in ("purpose", "channel", "brand", "locale")
        ),
        status.alias("status"),
        _moment(cells, consent.stated_at).alias("stated_at"),
        f.when(is_grant, _moment(cells, consent.valid_from)).alias("valid_from"),
        f.when(is_grant, _moment(cells, consent.valid_until)).alias("valid_until"),
        _word(cells, consent.proof or Template(("",))).alias("proof"),
    )


def _status(cells: Cells, consent: Consent) -> Expression:
    if isinstance(consent.status, str):
        return f.lit(consent.status)
    said = cells.text(consent.status.column)
    return f.when(_is_one(said, consent.status.granted), f.lit(GRANTED)).when(
        _is_one(said, consent.status.withdrawn), f.lit(WITHDRAWN)
    )


def _is_one(said: Expression, words: Sequence[str]) -> Expression:
    return f.lower(said).isin([word.lower() for word in words])


def _word(cells: Cells, template: Template) -> Expression:
    return f.coalesce(cells.filled(template), f.lit(""))


def _moment(cells: Cells, name: str | None) -> Expression:
    """Microseconds; null where nothing is said."""
    if name is None:
        return f.lit(None).cast("bigint")
    return f.unix_micros(cells.value(name).cast("timestamp"))


def _of_consent(cells: Cells, consent: Consent, now: int) -> list[_Wrong]:
    status = _status(cells, consent)
    there = status.isNotNull()
    found: list[_Wrong] = []
    if not isinstance(consent.status, str):
        name = consent.status.column
        listed = (*consent.status.granted, *consent.status.withdrawn, *consent.status.unknown)
        unlisted = cells.text(name).isNotNull() & ~_is_one(cells.text(name), listed)
        why = "is none of the values that grant, withdraw or say nothing: add it to the consent's 'status'"
        found.append((name, "values", why, unlisted))
    for part, most in LENGTHS.items():
        template = getattr(consent, part)
        if template is None or not template.columns:
            continue
        name, said = template.columns[0], cells.filled(template)
        found.append(
            (
                name,
                "length",
                f"a consent's {part} is longer than {most} characters",
                there & (f.length(said) > most),
            )
        )
        if part == "purpose":
            empty = there & (f.trim(f.coalesce(said, f.lit(""))) == "")
            found.append((name, "required", "is missing: a consent needs its purpose", empty))
    if consent.stated_at is not None:
        at = _moment(cells, consent.stated_at)
        early = "is before 1990, from a clock that was never set: correct it or leave it empty"
        ahead = "is more than a day ahead of this load: correct it, or the column's 'timezone'"
        found.append((consent.stated_at, "clock", early, there & (at < EARLIEST)))
        found.append((consent.stated_at, "clock", ahead, there & (at > now + MOST_AHEAD)))
    if consent.valid_from is not None and consent.valid_until is not None:
        ends_early = _moment(cells, consent.valid_until) <= _moment(cells, consent.valid_from)
        why = f"is not after {consent.valid_from}: correct one of the two"
        found.append((consent.valid_until, "range", why, (status == GRANTED) & ends_early))
    return found
