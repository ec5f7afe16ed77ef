"""The examples for schedulers say what the command understands."""

import argparse
import ast
import re
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
import yaml

from deploy.commands import batch, import_, parity
from deploy.settings import Settings
from tests.operations.environment import GIVEN

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "schedules"
PAGE = (ROOT / "docs" / "scheduling.md").read_text("utf-8")
COMMANDS = {"batch": batch, "import": import_, "parity": parity}


def understood(command, *arguments):
    parser = argparse.ArgumentParser(exit_on_error=False)
    COMMANDS[command].configure(parser)
    return parser.parse_args(arguments)


def test_cron():
    (line,) = [line for line in (FOLDER / "crontab").read_text().splitlines() if re.match(r"[\d*]", line)]
    minute, hour, day, month, weekday, user, command = re.split(r"\s+", line, maxsplit=6)
    assert (minute, hour, day, month, weekday, user) == ("5", "*", "*", "*", "*", "ucid")
    ours = re.search(r"ucid (batch [\w -]*)", command)[1].split()
    assert understood(*ours).no_wait
    assert f"-eq {batch.BUSY} ]" in command
    assert (FOLDER / "crontab").read_text().strip() in PAGE


def test_kubernetes():
    job = yaml.safe_load((FOLDER / "cronjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"], job["spec"]["concurrencyPolicy"]) == (
        "batch/v1",
        "CronJob",
        "Forbid",
    )
    assert re.fullmatch(r"[\d*/,-]+( [\d*/,-]+){4}", job["spec"]["schedule"])
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert understood(*container["args"]).no_wait
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    key = env.pop("UCID_ID_KEY_FILE")
    assert Settings.load({**GIVEN, **env}).delta == Path("/srv/ucid/delta")
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert any(key.startswith(path) for path in mounts)
    assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}
    assert pod["restartPolicy"] == "Never"


class Task:
    """As much of an Airflow operator as the example uses."""

    made: ClassVar = []

    def __init__(self, task_id, bash_command, **options):
        self.task_id, self.bash_command, self.options, self.after = task_id, bash_command, options, []
        Task.made.append(self)

    def __rshift__(self, other):
        self.after.append(other.task_id)
        return other


class Dag:
    """As much of an Airflow DAG as the example uses."""

    def __init__(self, **options):
        Dag.options = options

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def airflow(monkeypatch):
    parts = {
        "airflow.sdk": {"DAG": Dag},
        "airflow.providers.standard.operators.bash": {"BashOperator": Task},
    }
    for name, contents in parts.items():
        packages = name.split(".")
        for depth in range(1, len(packages)):
            monkeypatch.setitem(sys.modules, ".".join(packages[:depth]), ModuleType(packages[depth - 1]))
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(Task, "made", [])


@pytest.mark.usefixtures("airflow")
def test_airflow():
    ast.parse((FOLDER / "airflow_dag.py").read_text())
    runpy.run_path(str(FOLDER / "airflow_dag.py"))
    assert Dag.options["max_active_runs"] == 1
    assert Dag.options["catchup"] is False
    tasks = {task.task_id: task for task in Task.made}
    assert [task.after for task in tasks.values()] == [["batch"], ["parity"], []]
    for task in tasks.values():
        program, *words = task.bash_command.split()
        assert program == "ucid"
        understood(*words)
    assert tasks["batch"].options["skip_on_exit_code"] == batch.BUSY


def test_exit_codes_are_as_described():
    listed = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert listed == ["0", "1", "2", str(batch.BUSY)]
