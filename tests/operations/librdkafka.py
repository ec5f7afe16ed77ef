"""A report of librdkafka on itself, as far as we read it, with fields that we do not."""

import json


def report(*, state="UP", joined="steady", partitions=(), rebalances=1):
    """`partitions` are (topic, partition, fetch state, end, taken, fetched)."""
    topics = {}
    for topic, number, fetching, end, taken, fetched in partitions:
        topics.setdefault(topic, {"topic": topic, "partitions": {}})["partitions"][str(number)] = {
            "fetch_state": fetching,
            "hi_offset": end,
            "app_offset": taken,
            "next_offset": fetched,
            "ls_offset": end,
        }
    return json.dumps(
        {
            "name": "rdkafka#consumer-1",
            "brokers": {
                "127.0.0.1:9092/1": {"nodeid": 1, "state": state},
                "GroupCoordinator": {"nodeid": -1, "state": "UP"},
            },
            "topics": topics,
            "cgrp": {"join_state": joined, "rebalance_cnt": rebalances, "assignment_size": 9},
        }
    )
