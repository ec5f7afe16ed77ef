"""Fetching jars with their dependencies, by the Ivy that PySpark ships."""

import os
import re
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from deploy.local.errors import DownloadError, MissingTool
from deploy.local.java import find_java
from deploy.local.progress import Progress

# Ivy's own default waits for ever on a stalled connection. Times are in milliseconds.
_SETTINGS = """<ivysettings>
  <timeout-constraints>
    <timeout-constraint name="patience" connectionTimeout="10000" readTimeout="60000"/>
  </timeout-constraints>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true" timeoutConstraint="patience"/></resolvers>
</ivysettings>
"""


class Bundle(msgspec.Struct, frozen=True):
    """Jars wanted: their coordinates ("group:artifact:version") and artifacts to leave out."""

    name: str
    coordinates: tuple[str, ...]
    without: tuple[str, ...] = ()

    def ivy_xml(self) -> str:
        """The bundle as an Ivy module that depends on its coordinates."""
        wanted = (coordinate.split(":") for coordinate in self.coordinates)
        lines = [
            *(f'<dependency org="{g}" name="{a}" rev="{v}" conf="default->default"/>' for g, a, v in wanted),
            *(f'<exclude module="{artifact}"/>' for artifact in self.without),
        ]
        return (
            f'<ivy-module version="2.0"><info organisation="ucid" module="{self.name}"/>'
            '<configurations><conf name="default"/></configurations>'
            f"<dependencies>{''.join(lines)}</dependencies></ivy-module>\n"
        )


def pyspark_jars() -> list[Path]:
    """The jars PySpark ships. Raises MissingTool if it is not installed; does not import it."""
    spec = find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise MissingTool("The local stack needs PySpark. Install it with\n  pip install 'ucid[local]'")
    return sorted(Path(spec.submodule_search_locations[0], "jars").glob("*.jar"))


def retrieve(bundle: Bundle, into: Path, work: Path, progress: Progress) -> None:
    """Put all jars of a bundle into a directory; `work` is for Ivy's own files.

    The environment variable UCID_IVY_SETTINGS names an Ivy settings file to use instead of Maven
    Central. Raises DownloadError if a jar cannot be had.
    """
    module, settings = work / "ivy.xml", work / "ivysettings.xml"
    module.write_text(bundle.ivy_xml())
    settings.write_text(_SETTINGS)
    ivy = next(jar for jar in pyspark_jars() if jar.name.startswith("ivy-"))
    command: list[str | Path] = [find_java(), "-jar", ivy]
    command += ["-settings", os.environ.get("UCID_IVY_SETTINGS") or settings, "-cache", work / "cache"]
    # Maven calls the jars that are also OSGi bundles "bundle": without them Kafka does not start.
    command += ["-ivy", module, "-confs", "default", "-types", "jar", "bundle"]
    command += ["-retrieve", into / "[artifact]-[revision](-[classifier]).[ext]"]
    watch = _Watch(bundle.name, progress)
    before = -1
    # What one attempt has fetched is in Ivy's cache for the next: go on while that gets us further.
    while watch.jars > before:
        before = watch.jars
        if watch.run(command):
            return
    raise DownloadError(_explain(bundle, watch.output))


class _Watch:
    """Runs Ivy and turns its output into progress."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._what = f"Fetching the jars of {name}"
        self._progress = progress
        self._modules = self._kilobytes = self.jars = 0
        self.output: list[str] = []

    def run(self, command: Sequence[str | Path]) -> bool:
        """Run Ivy to its end: whether it got everything."""
        self.output = []
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                for line in process.stdout or ():
                    self.output.append(line)
                    self._show(line)
            except BaseException:
                process.kill()  # nobody is left to wait for the download
                raise
        return process.returncode == 0

    def _show(self, line: str) -> None:
        if size := re.search(r"^\.+ \((\d+)kB\)", line):
            self._kilobytes += int(size[1])
        elif found := re.search(r"^\s+found (\S+)", line):
            self._modules += 1
            self._progress(self._what, f"{self._modules} modules found, {found[1]}")
        elif "[SUCCESSFUL ]" in line:
            self.jars += 1
        elif address := re.search(r"^downloading (\S+)", line):
            so_far = f"jar {self.jars + 1}, {self._kilobytes / 1000:.0f} MB so far"
            self._progress(self._what, f"{so_far}, {address[1].rpartition('/')[2]}")


def _explain(bundle: Bundle, output: list[str]) -> str:
    text = "".join(output)
    hosts = sorted({urlsplit(url).netloc for url in re.findall(r"https?://\S+", text)})
    reasons = sorted(set(re.findall(r"\((java\.\S+: [^()]+)\)|::: (\S+: .*not found)", text)))
    why = [first or second for first, second in reasons][:3] or [line.strip() for line in output[-5:]]
    return "\n".join(
        [
            f"The jars of {bundle.name} could not be fetched from {', '.join(hosts) or 'anywhere'}:",
            *(f"  {reason}" for reason in why),
            "Check that this machine can reach that host, and try again: this is needed only once.",
            "Behind a mirror, name it in an Ivy settings file and set UCID_IVY_SETTINGS to that file.",
        ]
    )
