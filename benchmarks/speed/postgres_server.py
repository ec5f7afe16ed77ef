"""A private PostgreSQL: as it comes from `initdb`, reached by a socket file, gone afterwards.

For clients that know no socket files, such as Java's, it listens on a port of 127.0.0.1 besides.
"""

import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from benchmarks.speed.errors import Broken, LeftOut

if TYPE_CHECKING:
    from psycopg import Connection

_PLACES = "/usr/lib/postgresql/*/bin"  # where Debian and Ubuntu keep it, out of PATH
_SERVANTS = ("postgres", "nobody")  # whom root runs it as, for it refuses to be run by root
_LONGEST = 80  # characters: the name of a socket has room for 107, and PostgreSQL adds its own
_DEADLINE = 60.0  # seconds for it to answer
USER = "ucid"
_PORT = 5432  # part of a socket's name


@contextmanager
def postgres(port: int | None = None) -> Iterator[Path]:
    """A running server; gives its socket's directory. Raises LeftOut, and Broken if it does not start.

    With a port, it takes connections there too.
    """
    _need_client()
    initdb, server = _program("initdb"), _program("postgres")
    owner = _owner()
    home = Path(mkdtemp(prefix="ucid-bench-pg-"))  # not inside the stack's, which only we may enter
    try:
        _hand_over(home, owner)
        _initialise(initdb, home, owner)
        with _serving(server, home, owner, port):
            yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def connect(home: Path, port: int | None = None) -> "Connection":
    """A connection to it, each statement a transaction of its own. Raises what psycopg raises."""
    import psycopg  # noqa: PLC0415 - an extra

    return psycopg.connect(host=str(home), port=port or _PORT, user=USER, dbname="postgres", autocommit=True)


def _need_client() -> None:
    try:
        import psycopg  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise LeftOut(f"needs the package {error.name}: pip install 'ucid[bench]'") from error


def _program(name: str) -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, sorted(Path("/").glob(_PLACES[1:])))])
    found = shutil.which(name, path=path)
    if found is None:
        raise LeftOut(f"there is no {name}: install PostgreSQL, such as `sudo apt-get install postgresql`")
    return found


def _owner() -> pwd.struct_passwd | None:
    """Whom to run it as; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in _SERVANTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LeftOut(f"PostgreSQL does not run as root, and there is no user {' or '.join(_SERVANTS)} here")


def _hand_over(home: Path, owner: pwd.struct_passwd | None) -> None:
    if len(str(home)) > _LONGEST:
        raise LeftOut(f"{home} is too long for a socket's name: set TMPDIR to a shorter directory")
    if owner is None:
        return
    if not all(parent.stat().st_mode & stat.S_IXOTH for parent in home.parents):
        raise LeftOut(
            f"the user {owner.pw_name} may not enter {home.parent}: set TMPDIR to another directory"
        )
    os.chown(home, owner.pw_uid, owner.pw_gid)


def _start(argv: list[str], home: Path, owner: pwd.struct_passwd | None) -> "subprocess.Popen[bytes]":
    user = None if owner is None else owner.pw_uid
    group = None if owner is None else owner.pw_gid
    with (home / "log").open("ab") as log:
        return subprocess.Popen(
            argv,
            cwd=home,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=None if owner is None else [],
        )


def _initialise(initdb: str, home: Path, owner: pwd.struct_passwd | None) -> None:
    argv = [initdb, "-D", str(home / "data"), "-U", USER, "--auth=trust", "--no-locale", "-E", "UTF8"]
    with _start(argv, home, owner) as process:
        if process.wait(_DEADLINE) != 0:
            raise Broken(f"initdb failed:\n{_tail(home)}")


@contextmanager
def _serving(server: str, home: Path, owner: pwd.struct_passwd | None, port: int | None) -> Iterator[None]:
    argv = [server, "-D", str(home / "data"), "-k", str(home), "-c"]
    argv += ["listen_addresses="] if port is None else ["listen_addresses=127.0.0.1", "-p", str(port)]
    process = _start(argv, home, owner)
    try:
        _await(process, home, port)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: "subprocess.Popen[bytes]", home: Path, port: int | None) -> None:
    from psycopg import OperationalError  # noqa: PLC0415 - an extra

    end = time.monotonic() + _DEADLINE
    while True:
        try:
            connect(home, port).close()
        except OperationalError as error:
            if process.poll() is not None or time.monotonic() > end:
                raise Broken(f"PostgreSQL did not start:\n{_tail(home)}") from error
            time.sleep(0.1)
        else:
            return


def _tail(home: Path) -> str:
    return "\n".join((home / "log").read_text(errors="replace").splitlines()[-10:])
