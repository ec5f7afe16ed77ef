"""The `ucid` command around `simulate`: help, rules, and what is said where no system runs."""

import argparse
import json
from importlib import import_module

import pytest

from deploy.cli import COMMANDS, MODULES
from tests.cli.lines import RULES, line


@pytest.mark.parametrize("arguments", [("--help",), ("-h",)])
def test_help_names_every_command(ucid, arguments):
    done = ucid(*arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    listed = {words[0] for text in done.stdout.decode().splitlines() if (words := text.split())}
    assert set(COMMANDS) <= listed


@pytest.mark.parametrize("command", ["simulate", "rules", "lookup", "export", "ingest"])
def test_each_command_has_help_of_its_own(ucid, command):
    done = ucid(command, "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith(f"usage: ucid {command} [-h]")
    assert COMMANDS[command].split()[0] in done.stdout.decode()


def test_the_help_of_everything_can_be_written():
    written = []
    for command in COMMANDS:
        top = argparse.ArgumentParser(prog=command)
        import_module(f"deploy.commands.{MODULES.get(command, command)}").configure(top)
        waiting = [top]
        while waiting:
            parser = waiting.pop()
            written.append(parser.format_help())
            for action in parser._actions:
                if isinstance(action, argparse._SubParsersAction):
                    waiting += action.choices.values()
    assert len(written) > len(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("nonsense",), "invalid choice: 'nonsense' (choose from"),
        (("--nonsense",), "the following arguments are required: COMMAND"),
        (("rules",), "the following arguments are required: ACTION"),
        (("rules", "approve"), "invalid choice: 'approve'"),
        (("lookup",), "the following arguments are required: TYPE=VALUE"),
        (("lookup", "email"), "'email': write TYPE=VALUE, such as email=ann@example.com"),
        (("export",), "the following arguments are required: what"),
    ],
)
def test_what_is_no_command(refused, arguments, told):
    assert told in refused(*arguments)


def test_good_rules_are_told_with_their_fingerprint(ucid):
    ucid.write("rules.yaml", RULES)
    done = ucid("rules", "check", "rules.yaml")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith("rules.yaml: 3 identifier types, fingerprint ")


def test_bad_rules_are_told_with_path_and_remedy(ucid, refused):
    ucid.write("rules.yaml", "identifiers: {crm: {rank: first}, email: {rank: 2, max_age: 365}}")
    rank, age = refused("rules", "check", "rules.yaml").splitlines()
    assert rank.startswith("ucid: rules.yaml: identifiers.crm.rank: write a whole number from 1")
    assert age.startswith(
        "ucid: rules.yaml: identifiers.email.max_age: write a whole number and a unit (s, m,"
    )
    assert "nowhere.yaml: cannot be read" in refused("rules", "check", "nowhere.yaml")


@pytest.mark.parametrize(
    "arguments",
    [("lookup", "email=someone@example.com"), ("export", "customers"), ("ingest", "events.jsonl")],
)
def test_without_a_system_the_command_that_starts_one_is_named(ucid, refused, arguments):
    ucid.write("events.jsonl", json.dumps(line(crm="Tom")))
    told = refused(*arguments)
    assert "run `ucid up`" in told
    assert str(ucid.home) in told
    assert "someone" not in told
    assert not ucid.home.exists()


def test_a_demo_leaves_the_data_of_a_system_alone(ucid, refused):
    (ucid.home / "generations" / "g00000000").mkdir(parents=True)
    (ucid.home / ".ucid-home").touch()
    told = refused("demo")
    assert f"there is a system with data in {ucid.home}" in told
    assert "set UCID_HOME to another directory" in told
    assert sorted(entry.name for entry in ucid.home.rglob("*")) == [".ucid-home", "g00000000", "generations"]


def test_a_demo_leaves_a_directory_of_others_alone(ucid):
    ucid.home.mkdir()
    (ucid.home / "thesis.txt").write_text("years of work")
    done = ucid("demo")
    assert (done.returncode, done.stdout) == (1, b"")
    assert "is not a ucid home, and not empty: it is left alone" in done.stderr.decode()
    assert [entry.name for entry in ucid.home.iterdir()] == ["thesis.txt"]


def test_a_demo_of_a_file_checks_it_first(ucid, refused):
    rules = ucid.write("rules.yaml", RULES)
    ucid.write("events.jsonl", json.dumps(line(crm="Tom")) + "\n{}\n")
    told = refused("demo", "--events", "events.jsonl", "--rules", rules)
    assert told.startswith("ucid: line 2: ")
    assert not ucid.home.exists()
