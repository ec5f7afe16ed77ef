"""docs/settings.md names every variable and every tuned value, as they are."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules, walk_packages

import pytest

import serving_layer
import speed_layer
from deploy import kafka, logs
from deploy.settings import Settings
from serving_layer import access, client, data, web
from speed_layer.triggers.app import FAUST
from tests.operations.environment import GIVEN, SASL

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")
PACKAGES = ("deploy", "identity", "schemas", "speed_layer", "batch_layer", "serving_layer")
SOURCE = "".join(file.read_text() for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def rows(title):
    """Name -> (default or value, reason) of the table below a title."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    table = [re.split(r" *\| *", line.strip("| ")) for line in section.splitlines() if line.startswith("| `")]
    return {name.strip("`"): (value.strip("`"), why) for name, value, why in table}


LISTED = {name: row for title in re.findall(r"\n## (.*)\n", PAGE) for name, row in rows(title).items()}
VARIABLES = {name for name in LISTED if name.startswith("UCID_")}
FILES = {f"{name}_FILE" for name in VARIABLES if LISTED[name][1].startswith("*Secret*")}


class Asked(dict):
    """An environment that notes what it is asked for."""

    def __init__(self, *args):
        super().__init__(*args)
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)


@pytest.mark.usefixtures("own_logging")
def test_every_variable_that_is_read_is_listed_and_no_other():
    env = Asked(GIVEN | SASL)
    Settings.load(env)
    logs.configure(env)
    read = {name for name in env.names if name.startswith("UCID_")}
    assert read - FILES - {"UCID_IVY_SETTINGS"} == VARIABLES - {"UCID_IVY_SETTINGS"}
    assert read >= FILES


def test_every_variable_of_the_source_is_listed():
    assert set(re.findall(r"UCID_[A-Z_]*[A-Z]", SOURCE)) <= VARIABLES | FILES


def test_defaults_are_as_listed():
    settings = Settings.load(GIVEN)
    default = {name: LISTED[name][0] for name in VARIABLES}
    assert default["UCID_TENANT"] == settings.tenant
    assert int(default["UCID_GENERATIONS_KEPT"]) == settings.generations_kept
    assert int(default["UCID_HISTORY_DAYS"]) == settings.history_days
    assert default["UCID_HTTP"] == f"{settings.http_host}:{settings.http_port}"
    assert (default["UCID_SPEED_HTTP"], settings.speed_http) == ("off", None)
    assert default["UCID_KAFKA_SECURITY"] == settings.kafka_security.protocol
    assert default["UCID_KAFKA_SASL"] == Settings.load(GIVEN | SASL).kafka_security.mechanism
    assert (default["UCID_WEBHOOKS"], settings.webhooks) == ("none", None)
    assert default["UCID_WEBHOOKS_HTTP"] == "{}:{}".format(*settings.webhooks_http)
    assert float(default["UCID_REDIS_TIMEOUT"]) == settings.redis_security.timeout
    assert default["UCID_HTTP_WORKERS"] == str(settings.access.workers)
    assert (default["UCID_LOG"], default["UCID_LOG_LEVEL"]) == (logs.FORMATS[0], logs.LEVELS[0])


@pytest.mark.parametrize(
    ("title", "settings"),
    [
        ("Tuned: Kafka's consumer", kafka.CONSUMER),
        ("Tuned: Kafka's producer", kafka.PRODUCER),
        ("Tuned: Faust", FAUST),
    ],
)
def test_kafka_is_tuned_as_listed(title, settings):
    said = {name: value for name, (value, _) in rows(title).items()}
    assert said == {name: str(value).lower() for name, value in settings.items()}


def constants():
    """Public numbers, and tuples of numbers, of the modules that are tuned."""
    names = ["deploy.kafka", "deploy.bootstrap", "deploy.settings", "deploy.looking", "deploy.repeats"]
    names += ["deploy.commands.serve", "deploy.deciding", "deploy.erasing", "deploy.door", "deploy.following"]
    names += ["deploy.finding", "deploy.log_ends", "deploy.trial"]
    names += [f"batch_layer.{name}" for name in ("catalogue", "health", "maintenance", "movement")]
    names += ["batch_layer.rehearsal", "batch_layer.report"]
    names += ["batch_layer.touching"]
    names += [module.name for module in walk_packages(speed_layer.__path__, "speed_layer.")]
    for layer in (serving_layer, access, client, data, web):
        names += [f"{layer.__name__}.{module.name}" for module in iter_modules(layer.__path__)]
    for name in names:
        module = import_module(name)
        for constant in re.findall(
            r"^([A-Z][A-Z_]*)\b.* = ", Path(module.__file__).read_text(), re.MULTILINE
        ):
            value = getattr(module, constant)
            several = value if isinstance(value, tuple) else (value,)
            if all(isinstance(one, int | float) for one in several):
                yield f"{name}.{constant}", str(value)


def test_constants_are_as_listed():
    assert {name: value for name, (value, _) in rows("Tuned: constants").items()} == dict(constants())


def test_each_has_a_reason():
    assert [name for name, (_, why) in LISTED.items() if len(why) < 10] == []
