"""The jars of Kafka and Spark, fetched once and kept in a cache."""

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

import msgspec

from deploy.local.files import locked
from deploy.local.ivy import Bundle, pyspark_jars, retrieve
from deploy.local.progress import Progress, silent

KAFKA = Bundle(
    "Kafka",
    (
        "org.apache.kafka:kafka_2.13:4.1.0",
        # Kafka's own build adds a logging backend: without one it logs nothing, not even why it ended.
        "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",
    ),
)
SPARK = Bundle(
    "Spark",
    ("io.delta:delta-spark_2.13:4.0.0", "org.apache.spark:spark-sql-kafka-0-10_2.13:4.0.0"),
)


# What a source of a format needs besides; fetched when one of it is imported.
FORMATS = {
    "avro": Bundle("Avro", ("org.apache.spark:spark-avro_2.13:4.0.0",)),
    "jdbc": Bundle("PostgreSQL", ("org.postgresql:postgresql:42.7.5",)),
}


def kafka_jars(cache: Path, progress: Progress = silent) -> list[Path]:
    """The class path of a Kafka broker. Raises MissingTool and DownloadError."""
    return fetch(KAFKA, cache, progress)


def spark_jars(cache: Path, progress: Progress = silent) -> list[Path]:
    """What `spark.jars` must name for Delta and Kafka, without what PySpark brings already.

    Raises MissingTool and DownloadError.
    """
    return _besides_pyspark(SPARK, cache, progress)


def format_jars(format_: str, cache: Path, progress: Progress = silent) -> list[Path]:
    """What `spark.jars` must name besides for a format of slow sources; often nothing.

    Raises MissingTool and DownloadError.
    """
    bundle = FORMATS.get(format_)
    return _besides_pyspark(bundle, cache, progress) if bundle is not None else []


def _besides_pyspark(bundle: Bundle, cache: Path, progress: Progress) -> list[Path]:
    # artifact-version(-classifier).jar; both the artifact and the classifier may hold digits.
    parts = (re.fullmatch(r"(.+)-\d+(\.\w+)+(-.*)?\.jar", jar.name) for jar in pyspark_jars())
    shipped = tuple(sorted({match[1] for match in parts if match}))
    return fetch(msgspec.structs.replace(bundle, without=shipped), cache, progress)


def fetch(bundle: Bundle, cache: Path, progress: Progress = silent) -> list[Path]:
    """The jars of a bundle, from the cache if they are there. Raises MissingTool and DownloadError.

    A directory of the cache bears the fingerprint of what was asked for and appears by one rename
    when it is complete, so one that exists can be used without a further look.
    """
    fingerprint = hashlib.sha256(bundle.ivy_xml().encode()).hexdigest()[:12]
    directory = cache / f"{bundle.name.lower()}-{fingerprint}"
    if not directory.is_dir():
        with locked(cache / f"{directory.name}.lock"):
            if not directory.is_dir():  # another process may have fetched it while we waited
                _download(bundle, directory, progress)
    return sorted(directory.glob("*.jar"))


def _download(bundle: Bundle, directory: Path, progress: Progress) -> None:
    prefix = f"{directory.name}.partial-"
    for left_by_a_killed_download in directory.parent.glob(f"{prefix}*"):
        shutil.rmtree(left_by_a_killed_download, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=prefix) as work:
        jars = Path(work, "jars")
        jars.mkdir()
        retrieve(bundle, jars, Path(work), progress)
        for jar in jars.iterdir():
            with jar.open("rb") as file:
                os.fsync(file.fileno())  # else a power cut may keep the rename and lose the bytes
        jars.rename(directory)
