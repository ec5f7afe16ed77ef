"""Delta's log: what it says of files that are gone goes with them, and what is still needed can be read."""

import os
import time

import pytest

from batch_layer import delta
from batch_layer.maintenance import log_hours, vacuum
from batch_layer.tables import TABLES
from tests.erasing.stores import files

NAME = "gold/homes"
DAY = 86_400
HOUR = 3_600


def made(directory, now, **ages):
    """Files of a log by version and ending, so many hours old."""
    for name, hours in ages.items():
        version, _, ending = name.removeprefix("v").partition("_")
        file = directory / f"{int(version):020}.{ending.replace('_', '.')}"
        file.touch()
        os.utime(file, (now - hours * HOUR, now - hours * HOUR))
    (directory / "_last_checkpoint").touch()


@pytest.mark.parametrize(
    ("oldest", "hours"),
    [
        pytest.param(None, 48, id="nothing"),
        pytest.param(5, 48, id="younger than what goes"),
        pytest.param(3, 90 + 24, id="read from a checkpoint"),
        pytest.param(1, 200 + 24, id="read from the beginning"),
        pytest.param(9, 48, id="yet to come"),
    ],
)
def test_the_log_stays_from_where_what_is_needed_is_read(tmp_path, oldest, hours):
    made(
        tmp_path, 1e9, v0_json=200, v1_json=150, v2_json=100, v2_checkpoint_parquet=90, v3_json=80,
        v4_json=20, v4_checkpoint_parquet=20, v5_json=10,
    )  # fmt: skip
    if oldest == 3:
        hours += 10  # the commit of the checkpoint's version is older than it
    assert log_hours(tmp_path, 48, oldest, 1e9) == hours


def replaced(spark, root, *whom):
    rows = [(f"default\0email\0{name}@example.com", "c_1") for name in whom]
    return delta.replace(spark, root, NAME, spark.createDataFrame(rows, TABLES[NAME].ddl))


def aged(root, through, days):
    """Have all of the log up to a version be so old."""
    then = time.time() - days * DAY
    for file in (root / NAME / "_delta_log").glob("*"):
        version = file.name.strip(".").partition(".")[0]
        if version.isdecimal() and int(version) <= through:
            os.utime(file, (then, then))
    for file in (root / NAME).glob("*.parquet"):
        os.utime(file, (then, then))


@pytest.mark.slow
@pytest.mark.minutes
def test_a_clean_up_leaves_no_name_of_who_was_replaced_and_all_that_is_needed(spark, tmp_path):
    root = tmp_path
    replaced(spark, root, "ann", "tom")
    gone = replaced(spark, root, "ann", "zoe")
    kept = replaced(spark, root, "tom", "zoe")
    now = replaced(spark, root, "tom")
    aged(root, gone, 5)

    def naming():
        return any(b"ann@example.com" in text for text in files(root))

    assert naming()
    vacuum(spark, root, NAME, 24, kept)
    assert delta.read(spark, root, NAME, kept).count() == 2, "though it has no checkpoint of its own"
    # Once a run has made one, what is older is not needed for the generations after it.
    aged(root, now, 5)
    after = replaced(spark, root, "tom", "eve")
    vacuum(spark, root, NAME, 24, after)
    later = replaced(spark, root, "tom", "eve", "kim")
    aged(root, after - 1, 5)
    vacuum(spark, root, NAME, 0, after)  # the files were replaced only just now
    assert not naming()
    assert len(delta.read(spark, root, NAME, after).inputFiles()) > 0, "its log is there, and tells"
    assert delta.read(spark, root, NAME, later).count() == 3
