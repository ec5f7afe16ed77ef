"""Kafka, Redis and the jars of Spark on the user's own machine, without containers."""

from deploy.local.errors import DownloadError, HomeError, LocalStackError, MissingTool, StartError
from deploy.local.home import default_cache, default_home
from deploy.local.jars import format_jars, kafka_jars, spark_jars
from deploy.local.java import find_java
from deploy.local.progress import ConsoleProgress, Progress, silent
from deploy.local.stack import Service, Stack
from deploy.local.state import State

__all__ = [
    "ConsoleProgress",
    "DownloadError",
    "HomeError",
    "LocalStackError",
    "MissingTool",
    "Progress",
    "Service",
    "Stack",
    "StartError",
    "State",
    "default_cache",
    "default_home",
    "find_java",
    "format_jars",
    "kafka_jars",
    "silent",
    "spark_jars",
]
