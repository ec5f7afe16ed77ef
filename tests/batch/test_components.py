"""Components are the same however links are spread over tasks, and whatever their shape."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import functions as f

from batch_layer import components
from batch_layer.numbers import is_ambiguous, number
from identity.resolve import components as searched

numbers = st.sampled_from([-(2**63), -7, -1, 0, 1, 2, 3, 40, 2**62, 2**63 - 1])


def reference(links):
    """Each number with the smallest of its component, by breadth-first search."""
    near = {}
    for a, b in links:
        near.setdefault(a, {})[b] = None
        near.setdefault(b, {})[a] = None
    return {x: min(piece) for piece in searched(near) for x in piece}


def spread(spark, links, parts):
    frame = spark.createDataFrame(links, "a BIGINT, b BIGINT")
    found = components.roots(frame.repartition(parts), parts).collect()
    assert len(found) == len({row.xi for row in found})
    return {row.xi: row.root for row in found}


@given(st.lists(st.tuples(numbers, numbers), min_size=1))
def test_the_smallest_of_each_component(links):
    a, b = np.array(links, dtype=np.int64).T
    found, root, ends = components.contracted(a, b)
    assert dict(zip(found.tolist(), root.tolist(), strict=True)) == reference(links)
    assert found[ends].tolist() == [*a.tolist(), *b.tolist()]


@pytest.mark.parametrize("parts", [1, 2, 9])
def test_links_may_lie_anywhere(spark, parts):
    rng = random.Random(parts)
    links = [(rng.randrange(-900, 900), rng.randrange(-900, 900)) for _ in range(800)]
    assert spread(spark, links, parts) == reference(links)


def test_a_path_and_a_hub_that_no_round_could_follow(spark):
    path = spark.range(100_000).select(f.xxhash64("id"), f.xxhash64(f.col("id") + 1))
    hub = spark.range(50_000).select(f.xxhash64(f.lit("hub")), f.xxhash64(f.lit("spoke"), "id"))
    found = components.roots(path.union(hub).repartition(9), 9).groupBy("root").count().collect()
    assert sorted(row["count"] for row in found) == [50_001, 100_001]


def test_nobody_is_linked(spark):
    assert spread(spark, [], 2) == {}


def test_two_identifiers_with_one_number_are_found(spark):
    known = spark.range(1_000).select(f.col("id").cast("string").alias("x"))
    assert not is_ambiguous(known.select(number(0)("x").alias("xi")))
    # A quarter of a thousand numbers for a thousand identifiers.
    assert is_ambiguous(known.select((number(0)("x") % 250).alias("xi")))
