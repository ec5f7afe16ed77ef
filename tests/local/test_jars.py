import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local import DownloadError, default_cache, kafka_jars, spark_jars
from deploy.local.ivy import pyspark_jars
from deploy.local.jars import fetch

FETCH = """
import sys
from pathlib import Path
from deploy.local.ivy import Bundle
from deploy.local.jars import fetch
fetch(Bundle("Thing", ("org.example:thing:1.0",)), Path(sys.argv[1]))
"""


def visible(cache):
    """What a later run could take for complete."""
    return [path for path in cache.iterdir() if path.is_dir() and ".partial-" not in path.name]


def test_jars_are_fetched_once_and_show_progress(repository, tmp_path, monkeypatch):
    shown = []
    jars = fetch(repository.bundle, tmp_path / "cache", lambda what, detail: shown.append((what, detail)))
    assert [jar.name for jar in jars] == ["thing-1.0.jar"]
    assert jars[0].read_bytes() == repository.jar
    assert ("Fetching the jars of Thing", "1 modules found, org.example#thing;1.0") in shown
    assert shown[-1][1].endswith("thing-1.0.jar")

    monkeypatch.setenv("PATH", "")  # no Java, so nothing can be fetched
    assert fetch(repository.bundle, tmp_path / "cache") == jars


def test_a_killed_download_is_not_taken_for_complete(repository, tmp_path, python_env):
    cache = tmp_path / "cache"
    repository.go.clear()
    download = subprocess.Popen(
        [sys.executable, "-c", FETCH, str(cache)],
        env={**python_env, "UCID_IVY_SETTINGS": os.environ["UCID_IVY_SETTINGS"]},
        start_new_session=True,
    )
    assert repository.half_sent.wait(60)
    os.killpg(download.pid, signal.SIGKILL)
    download.wait()
    assert visible(cache) == []
    assert list(cache.glob("*.partial-*"))

    repository.go.set()
    (jar,) = fetch(repository.bundle, cache)
    assert jar.read_bytes() == repository.jar
    assert not list(cache.glob("*.partial-*"))


def test_a_torn_jar_is_not_kept(repository, tmp_path):
    repository.break_off = True
    with pytest.raises(DownloadError, match="Thing could not be fetched"):
        fetch(repository.bundle, tmp_path / "cache")
    assert visible(tmp_path / "cache") == []

    repository.break_off = False
    assert fetch(repository.bundle, tmp_path / "cache")


def test_two_at_once_fetch_once(repository, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: fetch(repository.bundle, tmp_path / "cache"), range(2))
    assert one == two
    assert repository.jars_served == 1


@pytest.mark.usefixtures("no_network")
def test_without_network_the_error_says_what_to_do(tmp_path):
    with pytest.raises(DownloadError) as caught:
        kafka_jars(tmp_path / "cache")
    text = str(caught.value)
    assert "from 127.0.0.1:9" in text
    assert "Connection refused" in text
    assert "UCID_IVY_SETTINGS" in text
    assert visible(tmp_path / "cache") == []


def test_jars_of_kafka_and_spark(no_network_after_fetch):
    kafka, spark = no_network_after_fetch
    names = {jar.name.rpartition("-")[0] for jar in kafka}
    # Those that Maven calls bundles are easily missed: the broker, its groups and codecs need them.
    assert names >= {"kafka_2.13", "scala-logging_2.13", "HdrHistogram", "snappy-java", "log4j-slf4j-impl"}
    assert {"delta-spark_2.13", "spark-sql-kafka-0-10_2.13", "kafka-clients"} <= {
        jar.name.rpartition("-")[0] for jar in spark
    }
    assert not {jar.name for jar in spark} & {jar.name for jar in pyspark_jars()}
    assert not [jar for jar in spark if jar.name.startswith(("scala-library", "spark-core", "hadoop-client"))]


@pytest.fixture
def no_network_after_fetch(request):
    """The jars as found in the cache that everything shares, with no way to fetch them again."""
    first = kafka_jars(default_cache()), spark_jars(default_cache())
    request.getfixturevalue("no_network")
    second = kafka_jars(default_cache()), spark_jars(default_cache())
    assert first == second
    return second
