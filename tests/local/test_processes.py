import os
import subprocess
import sys
import threading

import pytest

from deploy.local import HomeError, Stack, StartError, State
from deploy.local.home import MARKER, claimed
from deploy.local.process import Process, _started, spawn, stop

SLEEP = ["sleep", "600"]


@pytest.fixture
def foreigner():
    """A process that is none of ours."""
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def test_start_and_stop_are_idempotent(stack):
    first = stack.start("worker", SLEEP)
    assert stack.start("worker", SLEEP) == first
    assert {service.name: service.state for service in stack.status()}["worker"] == "up"
    other = stack.start("worker", ["sleep", "601"])
    assert other.running
    assert not first.running
    stack.stop("worker")
    stack.stop("worker")
    assert not other.running
    assert "worker" not in State.load(stack.home).processes


def test_a_process_that_died_is_started_again(stack):
    first = stack.start("worker", SLEEP)
    first.kill()
    assert first.ended(within=10)
    assert {service.name: service.state for service in stack.status()}["worker"] == "down"
    assert stack.start("worker", SLEEP).running


def test_output_goes_to_the_log_and_env_is_added(stack):
    log = stack.home / "logs" / "worker.log"
    script = "echo out $WORD; echo err >&2; exec sleep 600"
    process = stack.start(
        "worker", ["sh", "-c", script], {"WORD": "x"}, ready=lambda: log.read_text() == "out x\nerr\n"
    )
    assert os.getsid(process.pid) == process.pid  # closing our terminal does not end it


def test_down_ends_workers(stack):
    process = stack.start("worker", SLEEP)
    stack.down()
    stack.down()
    assert not process.running
    assert State.load(stack.home).processes == {}


def test_a_failing_start_shows_the_log(stack):
    with pytest.raises(StartError) as caught:
        stack.start("worker", ["sh", "-c", "echo no such thing; exit 3"], ready=lambda: False)
    assert "worker ended while starting" in str(caught.value)
    assert "no such thing" in str(caught.value)
    assert str(stack.home / "logs" / "worker.log") in str(caught.value)


def test_one_that_does_not_get_ready_is_reported_and_can_be_stopped(stack):
    with pytest.raises(StartError, match=r"worker runs, but is not ready after 0\.1 s"):
        stack.start("worker", SLEEP, ready=lambda: False, deadline=0.1)
    process = State.load(stack.home).processes["worker"]
    stack.down()
    assert not process.running


def test_a_recycled_pid_is_not_ours(stack, foreigner):
    before = stack.start("worker", SLEEP)
    before.kill()
    state = State.load(stack.home)
    boot = before.started.partition(":")[0]
    state.processes["worker"] = Process(foreigner.pid, f"{boot}:1", before.argv)
    state.save()

    assert {service.name: service.state for service in stack.status()}["worker"] == "down"
    after = stack.start("worker", SLEEP)
    assert after.pid != foreigner.pid
    state.save()
    stack.down()
    assert foreigner.poll() is None
    stop([after], grace=10)


def test_one_that_does_not_listen_is_killed_with_its_children(tmp_path):
    log = tmp_path / "log"
    process = spawn(["sh", "-c", "trap '' TERM; sleep 600 & echo $!; wait"], {}, log)
    while not log.read_text().endswith("\n"):
        assert not process.ended(within=0.01)
    pid = int(log.read_text())
    child = Process(pid, _started(pid), ())
    assert child.running
    stop([process], grace=0.1)
    assert not process.running
    assert child.ended(within=10)


def test_a_full_log_is_put_aside(tmp_path, monkeypatch):
    log = tmp_path / "log"
    log.write_text("old")
    monkeypatch.setattr("deploy.local.process.LOG_LIMIT", 2)
    assert spawn(["true"], {}, log).ended(within=10)
    assert (tmp_path / "log.1").read_text() == "old"
    assert log.read_text() == ""


def test_nothing_is_done_to_a_directory_that_is_not_ours(tmp_path):
    (tmp_path / "thesis.txt").write_text("ten years of work")
    stack = Stack(tmp_path)
    for action in (stack.up, stack.down, stack.status, lambda: stack.down(wipe=True)):
        with pytest.raises(HomeError, match="not a ucid home"):
            action()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_wipe_deletes_a_home_and_nothing_it_points_to(stack, tmp_path):
    process = stack.start("worker", SLEEP)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (stack.home / "delta").symlink_to(elsewhere)
    stack.down(wipe=True)
    stack.down(wipe=True)
    assert not process.running
    assert not stack.home.exists()
    assert (elsewhere / "kept").exists()


def test_a_home_without_anything_is_down(tmp_path):
    stack = Stack(tmp_path / "none")
    stack.down()
    assert [(service.name, service.state) for service in stack.status()] == [
        ("redis", "down"),
        ("kafka", "down"),
    ]
    assert not stack.home.exists()


def test_who_waits_for_a_home_that_gets_wiped_makes_a_new_one(tmp_path):
    home = tmp_path / "home"
    entered = threading.Event()

    def claim():
        with claimed(home):
            entered.set()

    with claimed(home):
        waiter = threading.Thread(target=claim)
        waiter.start()
        assert not entered.is_set()
        home.rename(tmp_path / "wiped")  # at one go: who waits looks at it again and again
    waiter.join(10)
    assert entered.is_set()
    assert (home / MARKER).is_file()


def test_ports_are_kept_and_distinct(stack):
    first = stack.port("http")
    assert stack.port("http") == first
    assert stack.port("metrics", preferred=first) != first


def test_a_damaged_state_file_is_named(stack):
    stack.port("http")
    (stack.home / "state.json").write_text("{")
    with pytest.raises(HomeError, match=r"state\.json is damaged"):
        stack.status()
    (stack.home / "state.json").unlink()


def test_the_stack_needs_no_parent(tmp_path, python_env):
    start = (
        "from pathlib import Path; from deploy.local import Stack; import sys;"
        "print(Stack(Path(sys.argv[1])).start('worker', ['sleep', '600']).pid)"
    )
    subprocess.run([sys.executable, "-c", start, str(tmp_path / "home")], env=python_env, check=True)
    stack = Stack(tmp_path / "home")
    assert {service.name: service.state for service in stack.status()}["worker"] == "up"
    stack.down()
