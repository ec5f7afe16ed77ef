"""docs/web-shop.md: every block is run, against the real server."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.serving.running import running
from tests.serving.world import ANN

__all__ = ["running"]

PAGE = (Path(__file__).parents[2] / "docs" / "web-shop.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
PROGRAMS = {"sh": ["curl", "sh"], "python": [sys.executable], "js": ["node"]}


def run(block, running, directory):
    language, text = block
    for program in PROGRAMS[language]:
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} here")
    suffix = {"js": "mjs"}.get(language, language)
    script = directory / f"block.{suffix}"
    # A shop's visitors are less patient than a test on a busy machine.
    script.write_text(text.replace("timeout=1.0", "timeout=30.0").replace("timeout(1000)", "timeout(30000)"))
    env = {**os.environ, "UCID_URL": running.url, "UCID_SECRET": running.key()}
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(
        [PROGRAMS[language][-1], str(script)],
        cwd=directory,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def customers(running):
    """Whom the server knows, by identifier."""
    answer = httpx.get(f"{running.url}/v1/customers", headers={"authorization": f"Bearer {running.key()}"})
    return {x["value"]: row["customer_id"] for row in answer.json()["customers"] for x in row["identifiers"]}


def test_the_page_has_each_language():
    assert {language for language, _ in BLOCKS} == set(PROGRAMS)


@pytest.mark.parametrize(
    "block", [b for b in BLOCKS if "ann@example.com" in b[1].lower()], ids=lambda b: b[0]
)
def test_every_block_finds_the_customer(running, customers, block, tmp_path):
    assert customers[ANN["email"]] in run(block, running, tmp_path)


def test_the_nightly_block_fetches_everybody(running, customers, tmp_path):
    (block,) = [b for b in BLOCKS if "customers.csv" in b[1]]
    # Pages of one row, so that there are several.
    run((block[0], block[1].replace("limit=1000", "limit=1")), running, tmp_path)
    with (tmp_path / "customers.csv").open(newline="") as file:
        assert {row["customer_id"] for row in csv.DictReader(file)} == set(customers.values())


def test_the_block_that_follows_goes_on_where_it_was(running, tmp_path):
    (block,) = [b for b in BLOCKS if "ucid.changes" in b[1]]
    assert len(run(block, running, tmp_path).splitlines()) == 5
    assert run(block, running, tmp_path) == ""
