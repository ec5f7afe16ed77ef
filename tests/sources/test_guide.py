"""docs/sources.md: its examples are run and say what the page says; its tables name every key and rule."""

import re
from pathlib import Path

import pytest

from batch_layer.sources import checks, columns, consents, definition, mapping, options, stating, values
from deploy.cli import main
from deploy.settings import SHORTEST_KEY

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sources.md").read_text("utf-8")
SETTINGS = {
    "UCID_KAFKA": "nowhere:1",
    "UCID_REDIS": "redis://nowhere:1/0",
    "UCID_ID_KEY": "k" * SHORTEST_KEY,
}


def section(title):
    return re.split(r"^## ", PAGE.split(f"## {title}\n")[1], flags=re.MULTILINE)[0]


def blocks(title, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", section(title), flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A system of which only the directories are there."""
    for name in ("delta", "generations"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"UCID_{name.upper()}", str(tmp_path / name))
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.stack
@pytest.mark.slow
@pytest.mark.usefixtures("spark")
def test_the_first_load_says_what_the_page_says(home, capsys, monkeypatch):
    (home / "crm.yaml").write_text(*blocks("A first load", "yaml"), "utf-8")
    (home / "customers.csv").write_text(*blocks("A first load", "csv"), "utf-8")
    (command,) = blocks("A first load", "sh")
    arguments = command.split()[1:]
    (told,) = blocks("A first load", "text")

    assert main([*arguments, "--dry-run"]) == 0
    assert capsys.readouterr().out == re.sub(r"(\d) (new|replaced|unchanged|ended)", r"\1 would be \2", told)
    assert main(arguments) == 0
    assert capsys.readouterr().out == told
    with monkeypatch.context() as without_spark:
        without_spark.setattr("deploy.bootstrap.spark", None)
        assert main(arguments) == 0
    assert f"`{capsys.readouterr().out.strip()}`" in PAGE
    assert main(["import", "crm.yaml", "--rejects"]) == 0
    assert '"column":"born","rule":"type"' in capsys.readouterr().out

    (home / "more.csv").write_text(blocks("A first load", "csv")[0].replace("1002", "Bob"), "utf-8")
    assert main(["import", "crm.yaml", "more.csv"]) == 1
    assert "STOPPED, nothing was taken: 1 of 3 rows are rejected" in capsys.readouterr().out


def test_the_wrong_definition_is_refused_as_shown(home, capsys):
    (home / "wrong.yaml").write_text(*blocks("SOURCE.yaml", "yaml"), "utf-8")
    (command,) = blocks("SOURCE.yaml", "sh")
    assert main(command.split()[1:]) == 2
    assert [capsys.readouterr().err] == blocks("SOURCE.yaml", "text")


def test_the_database_example_is_a_definition(monkeypatch):
    monkeypatch.setenv("BILLING_PASSWORD", "x")
    (text,) = blocks("Databases", "yaml")
    assert definition.parse(text).watermark == "updated_at"


def test_the_example_with_consents_is_a_definition():
    (text,) = blocks("Consents", "yaml")
    assert [len(one.columns) for one in definition.parse(text).consents] == [4, 1]


@pytest.mark.parametrize("example", ["people-with-addresses", "people-with-email"])
def test_the_examples_on_real_files_are_definitions(example):
    source = definition.load(ROOT / "docs" / "examples" / example / "source.yaml")
    rules = (ROOT / "docs" / "examples" / example / "rules.yaml").read_text("utf-8")
    assert all(re.search(rf"\b{re.escape(path)}\b", rules) for path in source.attributes)


def test_the_tables_name_every_key_option_and_rule():
    def named(title):
        rows = re.findall(r"^\| (`.*?) \|", section(title), flags=re.MULTILINE)
        return {word for row in rows for word in re.findall(r"`([\w]+)`", row)}

    assert set(definition._TOP) == named("SOURCE.yaml")
    assert set(columns.KEYS) == named("Columns: types and expectations")
    assert set(consents.KEYS) == named("Consents")
    assert set(options.KNOWN) == named("Formats")
    for known in options.KNOWN.values():
        assert all(f"`{option}`" in PAGE for option in known)
    code = "".join(Path(module.__file__).read_text("utf-8") for module in (checks, values, mapping, stating))
    rules = set(re.findall(r'\(\s*"(\w+)",\s*f?"(?:is|does|contains)', code)) | {"shape", "clock", "unique"}
    assert rules == named("What is wrong, and when a load is stopped")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name the files to load, or write 'files' in crm.yaml"),
        (("nowhere.csv",), "nowhere.csv: there is no such file"),
        (("--rejects",), "nothing was ever loaded from crm"),
    ],
)
def test_what_cannot_be_loaded_is_told(home, capsys, monkeypatch, arguments, told):
    monkeypatch.setattr("deploy.bootstrap.spark", lambda *_, **__: None)
    (home / "crm.yaml").write_text(*blocks("A first load", "yaml"), "utf-8")
    assert main(["import", "crm.yaml", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_type_that_the_rules_do_not_know_is_told_before_anything_is_read(home, capsys):
    from batch_layer.begin import begin
    from deploy.bootstrap import PARTITIONS

    begin(home / "generations", "identifiers: {email: {rank: 1}}", PARTITIONS)
    (home / "crm.yaml").write_text(*blocks("A first load", "yaml"), "utf-8")
    assert main(["import", "crm.yaml", "x.csv"]) == 2
    assert "crm.yaml: identifiers.crm: the rules in force do not name this type" in capsys.readouterr().err
