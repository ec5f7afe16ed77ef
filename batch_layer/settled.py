"""Who needs no deciding: identifiers of which steps 1 and 2 can only say one thing.

The rules decide in `identity`, one identifier at a time, in Python. Of nearly all identifiers the outcome
is known from counts, which Spark makes a hundred times as fast. An identifier is *settled* if

a. each of its links is plain: nobody decided upon it, it was seen, and not longer ago than the `max_age`
   of the two types. `screen.link_fault` finds nothing in such a link, so all of them count.
b. it was itself seen within the `max_age` of its type, and has at most `hot` links to each type. So
   `screen.identifier_fault` finds nothing in it: it is in.
c. it has at most as many links to each type as it keeps. `own.kept` then keeps all that lead to an identifier
   that is in, whatever `when_shared` says; with some of them out there are fewer still.
d. it is not stale. So `staleness.may_be_kept` leaves it all of them.

So of a settled identifier: no fault, and it keeps each link whose other end is in. All the others are decided
by `identity`, as ever. An identifier that fails a condition and would still lose nothing costs time only.
"""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from batch_layer.numbers import chosen
from identity import Rules, Verdict
from identity.facts import PAST


def unsettled(seen: DataFrame, half: DataFrame, rules: Rules, as_of: int | None) -> DataFrame:
    """`xi` of those that are not settled, some of them several times.

    `seen` has `xi, code, last_seen, stale`; `half` has `xi, code, other, last_seen, verdict`, the codes
    being the places of both ends' types in `rules.types`.
    """
    pair = f.col("code") * len(rules.types) + f.col("other")
    plain = (f.col("verdict") == int(Verdict.NONE)) & (f.col("last_seen") >= _horizons(rules, as_of, pair))
    crowds = half.groupBy("xi", "code", "other").agg(
        f.count("*").alias("links"), f.bool_and(plain).alias("plain")
    )
    crowded = crowds.where(~f.col("plain") | (f.col("links") > _limits(rules, pair)))
    ages = [_age(as_of, rule.max_age) for rule in rules.types.values()]
    old = seen.where((f.col("last_seen") < chosen(ages, f.col("code"))) | f.col("stale").isNotNull())
    return crowded.select("xi").union(old.select("xi"))


def _limits(rules: Rules, pair: Column) -> Column:
    def limit(mine: str, other: str) -> int:
        keep, hot = rules.between(mine, other).keep, rules.types[mine].hot
        return keep if hot is None else min(keep, hot)

    return chosen(_of_pairs(rules, limit), pair)


def _horizons(rules: Rules, as_of: int | None, pair: Column) -> Column:
    return chosen(_of_pairs(rules, lambda mine, other: _age(as_of, rules.between(mine, other).max_age)), pair)


def _of_pairs(rules: Rules, value: Callable[[str, str], int]) -> list[int]:
    return [value(mine, other) for mine in rules.types for other in rules.types]


def _age(as_of: int | None, max_age: int | None) -> int:
    """The first moment that is not too long ago; a link that was never seen is older than all."""
    return PAST + 1 if as_of is None or max_age is None else as_of - max_age
