"""What runs where, as kept in `state.json` of a home."""

from pathlib import Path
from typing import Self

import msgspec

from deploy.local.errors import HomeError
from deploy.local.files import write_whole
from deploy.local.ports import free_port
from deploy.local.process import Process

HOST = "127.0.0.1"  # nothing of the local stack is reachable from other machines
FILE = "state.json"


class State(msgspec.Struct, kw_only=True):
    """Ports and processes of a local stack, and the addresses and paths that follow from them."""

    home: str
    ports: dict[str, int] = {}
    processes: dict[str, Process] = {}

    @property
    def kafka(self) -> str:
        """Kafka's bootstrap server, "host:port"."""
        return f"{HOST}:{self.ports['kafka']}"

    @property
    def redis(self) -> str:
        """Redis' URL."""
        return f"redis://{HOST}:{self.ports['redis']}/0"

    @property
    def generations(self) -> Path:
        """Directory of the published generations."""
        return Path(self.home, "generations")

    @property
    def delta(self) -> Path:
        """Directory of the Delta tables."""
        return Path(self.home, "delta")

    @property
    def logs(self) -> Path:
        """Directory with one log file per process."""
        return Path(self.home, "logs")

    def address(self, name: str) -> str | None:
        """Where a process listens, for people to read; None if it has no port."""
        if name not in self.ports:
            return None
        return self.redis if name == "redis" else f"{HOST}:{self.ports[name]}"

    def assign_port(self, name: str, preferred: int | None = None) -> int:
        """Give a process that does not run the port it had, if that is free, else another."""
        others = {port for owner, port in self.ports.items() if owner != name}
        self.ports[name] = free_port(HOST, self.ports.get(name, preferred), others)
        return self.ports[name]

    def log(self, name: str) -> Path:
        """The file that takes a process' output."""
        return self.logs / f"{name}.log"

    @classmethod
    def load(cls, home: Path) -> Self:
        """The state of a home, empty if it has none. Raises HomeError if it cannot be read."""
        path = home / FILE
        try:
            state = msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return cls(home=str(home))
        except msgspec.DecodeError as error:
            raise HomeError(f"{path} is damaged ({error}): end what runs from it, then delete it.") from error
        state.home = str(home)  # it may have been moved
        return state

    def save(self) -> None:
        """Replace the state file, whole."""
        write_whole(Path(self.home, FILE), msgspec.json.format(msgspec.json.encode(self), indent=2))
