"""`ucid simulate` loads little and takes much."""

import json

from tests.cli.lines import RULES, line

ASKED = """
import sys
from deploy.cli import main
code = main(["simulate", "rules.yaml", "-"])
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""
SERVERS = {"pyspark", "py4j", "confluent_kafka", "redis", "lmdb", "pyarrow", "pandas", "uvicorn", "jwt"}


def test_no_client_of_a_server_is_loaded(ucid):
    ucid.write("rules.yaml", RULES)
    events = json.dumps(line(crm="Tom", email="tom@example.com")).encode()
    done = ucid(stdin=events, python=("-c", ASKED))
    assert done.returncode == 0
    loaded = set(done.stderr.decode().split())
    assert {"identity", "schemas", "deploy", "msgspec"} <= loaded
    assert loaded.isdisjoint(SERVERS | {"speed_layer", "batch_layer", "serving_layer"})


def test_two_hundred_thousand_lines(ucid):
    rules = ucid.write("rules.yaml", RULES)
    lines = 200_000
    with (ucid.directory / "events.jsonl").open("w") as file:
        for i in range(lines):
            # Every fourth line a new customer, every second a new cookie.
            at = f"2026-01-01T{i // 3600 % 24:02d}:{i // 60 % 60:02d}:{i % 60:02d}Z"
            file.write(json.dumps(line(i, at, crm=f"u{i // 4}", cookie=f"c{i // 2}")) + "\n")
    done = ucid("simulate", rules, "events.jsonl")
    assert (done.returncode, done.stderr) == (0, b"")
    output = json.loads(done.stdout)
    assert len(output["customers"]) == len({c["customer_id"] for c in output["customers"]}) == lines // 4
    assert {len(customer["identifiers"]) for customer in output["customers"]} == {3}
    assert output["rejected_links"] == output["quarantined"] == []
