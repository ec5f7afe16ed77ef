"""`ucid begin` on servers that know nothing."""

import os
import subprocess
import sys
from pathlib import Path

from confluent_kafka.admin import AdminClient

from schemas import TOPICS
from schemas.generation import numbers

RULES = "version: 1\nidentifiers: {login: {rank: 1}}\n"


def begin(servers, rules):
    return subprocess.run(
        [sys.executable, "-m", "deploy", "begin", "--rules", rules],
        env={**os.environ, **servers},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_begins_once_and_says_where_other_rules_are_in_force(servers, tmp_path):
    rules, other = tmp_path / "rules.yaml", tmp_path / "other.yaml"
    rules.write_text(RULES)
    other.write_text(RULES.replace("login", "card"))
    first, again = begin(servers, rules), begin(servers, rules)
    assert first.returncode == again.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    assert first.stdout.startswith("generation 0, rules ")
    assert numbers(Path(servers["UCID_GENERATIONS"])) == [0]
    there = AdminClient({"bootstrap.servers": servers["UCID_KAFKA"]}).list_topics(timeout=10).topics
    assert set(TOPICS) <= set(there)
    refused = begin(servers, other)
    assert refused.returncode == 2
    assert "'ucid batch --rules" in refused.stderr
