"""Finding a Java that Kafka and Spark run on."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from deploy.local.errors import MissingTool

OLDEST = 17  # what both Kafka 4 and Spark 4 are compiled for

_INSTALL = """Install it with
  Debian, Ubuntu   sudo apt-get install openjdk-17-jre-headless
  Fedora, RHEL     sudo dnf install java-17-openjdk-headless
  macOS            brew install openjdk@17
or set JAVA_HOME to where it is installed."""


def find_java() -> Path:
    """The `java` program of JAVA_HOME, else the one on PATH.

    Raises MissingTool if there is none, or it is older than Java 17.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(Path(home, "bin", "java") if home else "java")
    if found is None:
        where = f"JAVA_HOME is {home}, which holds no bin/java" if home else "there is no `java` on PATH"
        raise MissingTool(f"Kafka and Spark need Java {OLDEST} or newer, and {where}.\n{_INSTALL}")
    version = _version(found)
    if version < OLDEST:
        raise MissingTool(
            f"Kafka and Spark need Java {OLDEST} or newer, and {found} is Java {version}.\n{_INSTALL}"
        )
    return Path(found)


def _version(java: str) -> int:
    """Major version of a `java` program; 0 if it does not tell."""
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    # Up to Java 8 versions read 1.8.0_402, from 9 on 17.0.15.
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(match[1]) if match else 0
