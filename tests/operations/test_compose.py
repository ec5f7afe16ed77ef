"""The compose file and the images say what there is: settings, commands, files, users, secrets.

No engine is needed, and none was asked: see docs/operations.md.
"""

import argparse
import re
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.cli import COMMANDS, MODULES
from deploy.settings import Settings
from identity import rulefile

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "compose"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
OURS = {name: each for name, each in COMPOSE["services"].items() if each["image"].startswith("ucid-")}
WEBHOOK_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
IMAGES = sorted((ROOT / "deploy" / "images").glob("*.Dockerfile"))
SETTINGS = (ROOT / "docs" / "settings.md").read_text("utf-8")
DEPENDENCIES = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.parametrize("name", OURS)
def test_every_service_runs_a_command_that_is_there(name):
    command, *words = OURS[name]["command"]
    assert command in COMMANDS
    parser = argparse.ArgumentParser(exit_on_error=False)
    import_module(f"deploy.commands.{MODULES.get(command, command)}").configure(parser)
    parser.parse_args(words)


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_and_is_understood(name, tmp_path):
    given = OURS[name]["environment"]
    for variable in given:
        base = variable.removesuffix("_FILE")
        assert f"`{base}`" in SETTINGS or f"`{variable}`" in SETTINGS, variable
    env = {}
    for variable, value in given.items():
        if variable.endswith("_FILE"):
            secret = Path(value).name
            assert Path(value).parent == Path("/run/secrets")
            assert secret in OURS[name]["secrets"]
            (tmp_path / secret).write_text(WEBHOOK_KEY if secret == "webhook-key" else "0f" * 32)
            value = str(tmp_path / secret)  # noqa: PLW2901 - what the container sees
        env[variable] = value
    settings = Settings.load(env | {"UCID_HOME": "/nonexistent/ucid"})
    assert settings.kafka == "kafka:9092"


@pytest.mark.parametrize("name", OURS)
def test_every_directory_that_is_named_is_a_volume(name):
    service = OURS[name]
    mounted = [volume.split(":")[1] for volume in service["volumes"]]
    said = (*service["environment"].values(), *service["command"])
    wanted = [text for text in said if text.startswith("/") and not text.startswith("/run/secrets/")]
    assert [path for path in wanted if not any(path.startswith(mount) for mount in mounted)] == []


def test_what_lasts_is_on_volumes_that_are_declared():
    used = {
        source
        for service in COMPOSE["services"].values()
        for volume in service["volumes"]
        if not (source := volume.split(":")[0]).startswith(".")
    }
    assert used == set(COMPOSE["volumes"])
    assert {volume.split(":")[1] for volume in COMPOSE["services"]["redis"]["volumes"]} == {"/data"}


def test_secrets_are_files_that_nobody_ships():
    assert {secret["file"] for secret in COMPOSE["secrets"].values()} == {
        f"./secrets/{name}" for name in COMPOSE["secrets"]
    }
    assert not (FOLDER / "secrets").exists() or (FOLDER / ".gitignore").read_text() == "secrets/\n"
    told = [pair for service in OURS.values() for pair in service["environment"].items()]
    secret = [pair for pair in told if re.search(r"PASSWORD|KEY(?!S)|SECRET", pair[0])]
    assert secret
    assert all(name.endswith("_FILE") and value.startswith("/run/secrets/") for name, value in secret)


@pytest.mark.parametrize(("password", "code"), [("", 1), ("changeme", 1), ("0f" * 16, 0)])
def test_redis_takes_no_short_password_and_shows_none(tmp_path, password, code):
    (tmp_path / "redis-password").write_text(f"{password}\n")
    server = tmp_path / "redis-server"
    server.write_text('#!/bin/sh\ncat "$1" > "$1.seen"\n')
    server.chmod(0o755)
    shell, option, script = COMPOSE["services"]["redis"]["command"]
    script = script.replace("$$", "$").replace("/tmp/", f"{tmp_path}/").replace("/run/secrets", str(tmp_path))
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run([shell, option, script], env=path, capture_output=True, check=False)
    assert done.returncode == code
    assert b"changeme" not in done.stdout + done.stderr
    if code == 0:
        assert f"requirepass {password}\n" in (tmp_path / "redis.conf.seen").read_text()
        assert (tmp_path / "redis.conf").stat().st_mode & 0o077 == 0


def test_nothing_is_open_to_other_machines():
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_whoever_serves_or_works_waits_and_is_watched():
    for name, service in COMPOSE["services"].items():
        if name not in {"begin", "triggers", "webhooks"}:
            assert service["healthcheck"]["test"], name
        if name not in {"kafka", "redis", "begin"}:
            assert service["depends_on"]["begin"]["condition"] == "service_completed_successfully", name
    for name, variable in (("speed", "UCID_SPEED_HTTP"), ("serving", "UCID_HTTP")):
        host, port = OURS[name]["environment"][variable].split(":")
        assert host == "0.0.0.0"
        assert f"localhost:{port}/" in OURS[name]["healthcheck"]["test"][-1]


def test_the_rules_to_begin_with_are_the_starter_set():
    path = FOLDER / "rules.yaml"
    assert rulefile.load(path).fingerprint == rulefile.load(ROOT / "deploy" / "rules.yaml").fingerprint


@pytest.mark.parametrize("image", IMAGES, ids=lambda path: path.stem)
def test_an_image_is_pinned_and_runs_as_nobody_in_particular(image):
    lines = image.read_text("utf-8").splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert all(re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*", base) for base in bases)
    assert "USER 10001:10001" in lines
    assert lines.index("USER 10001:10001") > max(i for i, line in enumerate(lines) if line.startswith("RUN"))
    (command,) = [re.findall(r'"([\w-]+)"', line) for line in lines if line.startswith("CMD")]
    assert command[0] in COMMANDS
    extras = set(re.findall(r"ucid\[([\w,]+)\]", image.read_text())[0].split(","))
    assert extras <= set(DEPENDENCIES["optional-dependencies"])


@pytest.mark.parametrize("image", IMAGES, ids=lambda path: path.stem)
def test_an_image_copies_what_is_there_and_sent(image):
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [
        source
        for line in image.read_text("utf-8").splitlines()
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    assert [path for path in copied if not (ROOT / path).exists() or f"!{path}" not in ignored] == []
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"} <= set(copied)


def test_services_name_images_that_are_built():
    built = {f"ucid-{path.stem}:{DEPENDENCIES['version']}" for path in IMAGES}
    assert {service["image"] for service in OURS.values()} == built
    for service in OURS.values():
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).exists()
            assert (FOLDER / service["build"]["context"]).resolve() == ROOT
    others = [each["image"] for each in COMPOSE["services"].values() if each not in OURS.values()]
    assert all(re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*", image) for image in others)


def test_every_dependency_is_pinned_within_what_is_asked():
    lines = (ROOT / "deploy" / "images" / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    optional = DEPENDENCIES["optional-dependencies"]
    wanted = [*DEPENDENCIES["dependencies"]]
    for extra in ("speed", "batch", "serve", "webhooks", "triggers"):
        wanted += [text for text in optional[extra] if not text.startswith("ucid")]
    for text in wanted:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), text
