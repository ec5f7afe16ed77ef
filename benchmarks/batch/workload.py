"""The made-up customers: four identifiers each, with five links, as messages or as bare links.

All of it is expressions over a range, so Spark writes millions in seconds, and the same ones each time.
Some devices are shared by many, some addresses by two, and some customers have not been seen for years.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f

from schemas import WEB

IDENTIFIERS: Final = 4  # a customer
LINKS: Final = 5  # a customer
MESSAGES: Final = 7  # a customer
PARTITIONS: Final = 6  # of the log

RULES: Final = """
version: 1
identifiers:
  login:  {rank: 1, unique: true}
  email:  {rank: 4, normalise: email, max: 5, hot: 20}
  cookie: {rank: 9, max: 50, max_age: 390d, hot: 50, certainty: 0.6}
"""

_SHARED = 200  # of so many customers one uses a device that others use, too
_FAMILIES = 100  # of so many customers one shares an address with another
_NEW = 200  # for so many customers a new one comes
_RETURN = 80  # of so many customers one comes back with a new device: two links
_GONE = 50  # of so many customers one has not been seen for years
_BEGIN = 1_767_225_600  # 2026-01-01, in seconds
_SPAN = 300 * 86_400
_YEARS = 3 * 365 * 86_400

Values = Callable[[Column], Column]


def _value(prefix: str, customer: Column, suffix: str = "") -> Column:
    """A value of the length that such values have; of different customers they are different."""
    hashed = f.lpad(f.hex(f.xxhash64(f.lit(prefix), customer)), 16, "0")
    return f.concat(f.lit(prefix), f.lower(hashed), f.lit(suffix))


def _login(customer: Column) -> Column:
    return _value("u-", customer)


def _email(customer: Column) -> Column:
    family = f.when(customer % _FAMILIES == 1, customer - 1).otherwise(customer)
    return _value("m.", family, "@example.com")


def _cookie(number: int) -> Values:
    return lambda customer: _value(f"GA1.{number}.", customer)


def _device(customer: Column) -> Column:
    """The first cookie, which for some is a device that others use: the lower its number, the more do."""
    device = f.pmod(f.xxhash64(f.lit("device"), customer), f.floor(f.sqrt(customer)) + 1)
    return f.when(customer % _SHARED == 7, _value("GA1.9.", device)).otherwise(_cookie(0)(customer))


# What is seen together, of each customer: the five links, and two of them once more.
_TOGETHER: Final[tuple[dict[str, Values], ...]] = (
    {"cookie": _device, "login": _login},
    {"cookie": _cookie(1), "login": _login},
    {"login": _login, "email": _email},
    {"cookie": _cookie(0), "email": _email},
    {"cookie": _cookie(1), "email": _email},
    {"cookie": _cookie(0), "login": _login},
    {"cookie": _cookie(1), "login": _login},
)
assert len(_TOGETHER) == MESSAGES


# What those who come back do: they are seen on a device that is new, with all that they have.
_BACK: Final[tuple[dict[str, Values], ...]] = (
    {"cookie": _cookie(2), "login": _login},
    {"cookie": _cookie(2), "email": _email},
)


def messages(spark: SparkSession, first: int, last: int) -> DataFrame:
    """The messages of the customers from `first` to below `last`, as `bronze/events` holds them."""
    at = _BEGIN + f.pmod(f.xxhash64("id", "kind"), f.lit(_SPAN))
    at = f.when(f.col("id") % _GONE == 3, at - _YEARS).otherwise(at)
    return _messages(spark.range(first, last), _TOGETHER, f.col("id") * MESSAGES, at)


def increment(spark: SparkSession, customers: int) -> tuple[DataFrame, int]:
    """What happens after the messages of so many customers: 1% more links. With the number of messages.

    Half of the links are of customers who are new, the other half of known ones, each with a new device.
    """
    new = customers // _NEW
    strangers = messages(spark, customers, customers + new)
    back = spark.range(customers // _RETURN).select((f.col("id") * _RETURN + 1).alias("id"))
    begun = (customers + new) * MESSAGES
    at = f.lit(_BEGIN + _SPAN) + f.pmod(f.xxhash64("id", "kind"), f.lit(86_400))
    number = f.floor(f.col("id") / _RETURN) * len(_BACK) + begun
    count = new * MESSAGES + customers // _RETURN * len(_BACK)
    return strangers.union(_messages(back, _BACK, number, at)), count


def ends(count: int) -> dict[int, int]:
    """The offset after the last of so many messages, by partition."""
    return {partition: -(-(count - partition) // PARTITIONS) for partition in range(PARTITIONS)}


def _messages(
    people: DataFrame, together: Sequence[dict[str, Values]], first: Column, at: Column
) -> DataFrame:
    """Messages of `people`, one for all that is seen `together`, numbered from `first`, `at` in seconds."""
    customer = f.col("id")
    kind = f.explode(f.array(*[f.lit(number) for number in range(len(together))]))
    rows = people.select("id", kind.alias("kind"))
    identifiers = f.element_at(f.array(*[_json(seen, customer) for seen in together]), f.col("kind") + 1)
    number = first + f.col("kind")
    value = f.concat(
        f.lit('{"event_id":"e'),
        number.cast("string"),
        f.lit('","occurred_at":"'),
        f.date_format(f.timestamp_seconds(at), "yyyy-MM-dd'T'HH:mm:ss'Z'"),
        f.lit('","identifiers":{'),
        identifiers,
        f.lit("}}"),
    )
    return rows.select(
        f.lit(WEB).alias("topic"),
        f.pmod(number, f.lit(PARTITIONS)).cast("int").alias("partition"),
        f.floor(number / PARTITIONS).cast("bigint").alias("offset"),
        (f.lit((_BEGIN + _SPAN) * 1_000_000) + number).cast("bigint").alias("ingested_at"),
        f.lit(None).cast("binary").alias("key"),
        value.cast("binary").alias("value"),
    )


def _json(seen: dict[str, Values], customer: Column) -> Column:
    pairs = [f.concat(f.lit(f'"{type_}":"'), value(customer), f.lit('"')) for type_, value in seen.items()]
    return f.concat_ws(",", *pairs)


def links(spark: SparkSession, customers: int) -> DataFrame:
    """`a, b`: the bare links of so many customers, each once and of people who share nothing but devices."""
    customer = f.col("id")
    pairs = [
        f.struct(
            *[
                _key(type_, value(customer)).alias(end)
                for end, (type_, value) in zip("ab", seen.items(), strict=True)
            ]
        )
        for seen in _TOGETHER[:LINKS]
    ]
    return spark.range(customers).select(f.explode(f.array(*pairs)).alias("link")).select("link.a", "link.b")


def _key(type_: str, value: Column) -> Column:
    return f.concat(f.lit(f"default\0{type_}\0"), value)


def path(spark: SparkSession, length: int) -> DataFrame:
    """`a, b`: so many identifiers in a row, in no order that helps."""
    ends = [_key("cookie", _value("p", f.col("id") + step)).alias(end) for step, end in enumerate("ab")]
    return spark.range(length - 1).select(*ends)


def hub(spark: SparkSession, spokes: int) -> DataFrame:
    """`a, b`: one identifier that is linked to so many others."""
    return spark.range(spokes).select(
        _key("cookie", f.lit("hub")).alias("a"), _key("email", _value("h", f.col("id"))).alias("b")
    )


def write(frame: DataFrame, directory: Path, *, delta: bool = False) -> None:
    """Put a frame into files, added to what is there."""
    frame.write.format("delta" if delta else "parquet").mode("append").save(str(directory))
