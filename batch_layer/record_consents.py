"""What the records of slow sources state of permissions: the words of every version, and which still count.

A record's withdrawal is a word like any other and lasts. A grant is as good as the record that says it: once
another version has taken its place, or the record has ended, it is history (docs/decisions/0021).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer import consents
from batch_layer.erasures import ByTenant
from batch_layer.rows import Row, map_groups
from batch_layer.silver import NOBODY, key_of, taken_in
from identity import Facts, Identifier, Observer, Rules, UnknownTypeError
from identity.consent import Claims, Permission, Statement, claim, permission
from identity.facts import FUTURE, PAST
from schemas.striking import names

_RECORD = ("tenant", "source", "record")
_SAID = ("load", "changed_at", "ingested_at", "ended", "identifiers", "attributes", "consents")


class Version(NamedTuple):
    """One version of a record: whom it is about, what it states of them, and when it was loaded."""

    about: Sequence[Identifier]
    claims: Claims
    loaded_at: int
    ended: bool = False


# Whose word it is, on what, the word, and whether it is history alone.
Word = tuple[Identifier, Permission, Statement, bool]


def all_statements(
    bronze: DataFrame, versions: DataFrame | None, rules: Rules, erased: ByTenant = NOBODY
) -> DataFrame:
    """What messages state and, where there are any, versions of records; see `consents.statements`."""
    found = consents.statements(bronze, rules, erased)
    return found if versions is None else found.union(of_versions(versions, rules, erased))


def of_versions(versions: DataFrame, rules: Rules, erased: ByTenant = NOBODY) -> DataFrame:
    """What records state, in the same columns; `versions` are those of the table, replaced ones too."""
    gone = dict(erased)

    def step(rows: list[Row]) -> Iterator[Row]:
        tenant, source, record = rows[0][:3]
        observer = Observer(rules)
        ordered = sorted((row[3:] for row in rows), key=lambda row: row[0])
        known = gone.get(tenant)
        found = []
        for _, changed_at, ingested_at, ended, identifiers, attributes, stated in ordered:
            at = ingested_at if changed_at is None else changed_at
            said, by = dict(identifiers or ()), dict(attributes or ())
            if known and names(observer, said, by, taken_in(changed_at, ingested_at), known):
                continue  # as a purge leaves it
            try:
                about = observer.observe(Facts(), said, by, at, ingested_at)
            except UnknownTypeError:
                about = []  # the record is among the rejects
            claims = stated_by(stated or (), at, ingested_at, source, record)
            found.append(Version(about, claims, ingested_at, ended is not None))
        for x, about_what, word, former in words(found):
            yield (key_of(tenant, x), *about_what, *word, former)

    stating = versions.where(f.size("consents") > 0).select(*_RECORD).distinct()
    return map_groups(
        versions.join(stating, list(_RECORD), "left_semi").select(*_RECORD, *_SAID),
        _RECORD,
        step,
        consents.STATED,
    )


def stated_by(
    stated: Sequence[Mapping[str, Any]], at: int, ingested_at: int, source: str, record: str
) -> Claims:
    """What one version states, of the rows in its column `consents`; `at` is the moment of the record."""
    claims: Claims = {}
    for one in stated:
        begin, end = one["valid_from"], one["valid_until"]
        word = Statement(
            at if one["stated_at"] is None else one["stated_at"],
            one["status"] == consents.WITHDRAWN,
            PAST if begin is None else begin,
            FUTURE if end is None else end,
            source,
            one["proof"] or record,
            ingested_at,
        )
        claim(claims, permission(*(one[name] for name in consents.ABOUT)), word)
    return claims


def words(versions: Sequence[Version]) -> Iterator[Word]:
    """What a record ever said, by its versions in the order of their loads; each word once.

    A grant of a version that is not the last is history. Where the next version does not grant the same, it
    ended when that was loaded.
    """
    before: dict[tuple[Identifier, Permission], Statement] = {}
    for version, following in zip(versions, [*versions[1:], None], strict=False):
        said = {}
        for x in dict.fromkeys(version.about):
            for about, word in version.claims.items():
                known = before.get((x, about))
                said[x, about] = known if known is not None and _same(known, word) else word
        for (x, about), word in said.items():
            then = _of(following, x).get(about)
            # Who comes back after an end says it anew, so that a run over what is new comes to the same.
            if then is not None and _same(then, word) and not version.ended:
                continue
            former = following is not None and not word.withdrawn
            ended = following is not None and former and (then is None or then.withdrawn)
            until = min(word.valid_until, following.loaded_at) if following and ended else word.valid_until
            yield x, about, word._replace(valid_until=until), former
        before = {} if version.ended else said


def _of(version: Version | None, x: Identifier) -> Claims:
    return version.claims if version is not None and x in version.about else {}


def _same(one: Statement, other: Statement) -> bool:
    """Whether it is the same word, whenever it was taken in."""
    return one._replace(ingested_at=other.ingested_at) == other
