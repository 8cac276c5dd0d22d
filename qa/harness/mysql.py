"""A private MySQL or MariaDB in a folder of its own, which can be stopped, killed and changed."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pymysql

from qa import packages
from qa.harness.processes import LAST_RESORT_SECONDS, free_port, wait_until_ready

USER, PASSWORD = "backtest", "local-test-only"
_OPTIONS = (
    "--no-defaults", "--skip-log-bin", "--bind-address=127.0.0.1", "--skip-name-resolve",
    "--innodb-buffer-pool-size=128M", "--innodb-log-file-size=32M", "--max-connections=200",
)  # fmt: skip
FAST = ("--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M")
"""For tests that may lose the last second when the machine dies."""


def program() -> str:
    """The server program, installed where it is missing and we may."""
    return packages.find_or_install("mariadbd", "mysqld", packages=("mariadb-server",))


class MySQLServer:
    """The server process; its user may do everything in the database `backtest` and nothing else."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._data, self._socket, self._log = folder / "data", folder / "s", folder / "log"
        self._options = options
        # two servers that start at once and share /tmp delete each other's temporary tables there
        self._environment = os.environ | {"TMPDIR": str(folder)}
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._install()
        self.start()
        self.execute(
            "CREATE DATABASE backtest CHARACTER SET utf8mb4",
            f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON backtest.* TO '{USER}'@'127.0.0.1'",
        )

    def url(self, port: int | None = None, *, database: str = "backtest") -> str:
        """The address of a database, at the server's own port or at a proxy's."""
        return f"mysql+pymysql://{USER}:{PASSWORD}@127.0.0.1:{port or self.port}/{database}"

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """The name of an empty database that is dropped at the end of the block."""
        name = f"db_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name}")
        yield name
        self.execute(f"DROP DATABASE {name}")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [
            program(), *_OPTIONS, *self._options, f"--datadir={self._data}", f"--socket={self._socket}",
            f"--port={self.port}", f"--pid-file={self._socket}.pid", f"--log-error={self._log}", *_as_root(),
        ]  # fmt: skip
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
        wait_until_ready(self._process, self._accepts_connections, self._log)
        self.execute("SELECT 1")

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self, *, kill: bool = False) -> None:
        """End the server, by a signal that it can handle or as a power cut would."""
        if self._process is not None:
            (self._process.kill if kill else self._process.terminate)()
            self._process.wait(LAST_RESORT_SECONDS)
            self._process = None

    def execute(self, *statements: str) -> None:
        """Execute statements as root."""
        with (
            pymysql.connect(unix_socket=str(self._socket), user="root", autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)

    def occupy_connections(self) -> list[Any]:
        """Open every connection that an ordinary user may have; the caller closes them."""
        opened: list[Any] = []
        with suppress(pymysql.Error):
            while True:
                connection = pymysql.connect(host="127.0.0.1", port=self.port, user=USER, password=PASSWORD)
                opened.append(connection)
        return opened

    def _accepts_connections(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:  # pymysql does not close one that was refused
            return probe.connect_ex(str(self._socket)) == 0

    def _install(self) -> None:
        server = program()
        if installer := packages.find("mariadb-install-db"):
            command = [
                installer, "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db",
            ]  # fmt: skip
        else:
            command = [server, "--no-defaults", "--initialize-insecure"]
        command += [f"--datadir={self._data}", *_as_root()]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the private server cannot be installed: {done.stdout}{done.stderr}")


@contextmanager
def running(*options: str) -> Iterator[MySQLServer]:
    """A server for the block, its data in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="mysql-") as folder:
        server = MySQLServer(Path(folder), *options)
        try:
            yield server
        finally:
            server.stop()


def _as_root() -> tuple[str, ...]:
    return ("--user=root",) if os.getuid() == 0 else ()
