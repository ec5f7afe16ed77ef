"""Rows that are computed once, as a leaf of every plan upon them.

`persist` keeps rows, too, but a plan upon them goes on to hold all of theirs: it is analysed, compared and
described anew for each of the tables that a run writes, and grows with each step. That was more than half
of what a small run cost. A local checkpoint ends the plan where the rows lie, and says how they lie.

A run holds what it has so for as long as it refers to it. Where an executor is lost with its rows, the run
fails; readers stay where they are, and the next run begins anew.
"""

from pyspark.sql import DataFrame


def leaf(frame: DataFrame) -> DataFrame:
    """The same rows, computed when they are first asked for and kept, in memory or on disk."""
    return frame.localCheckpoint(eager=False)
