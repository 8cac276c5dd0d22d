"""A private MySQL or MariaDB in a folder of its own, which can be stopped, killed and changed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pymysql

_USER, _PASSWORD = "backtest", "private-server-only"
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
_OPTIONS = (
    "--no-defaults", "--skip-log-bin", "--bind-address=127.0.0.1", "--skip-name-resolve",
    "--innodb-buffer-pool-size=128M", "--innodb-log-file-size=32M", "--max-connections=150",
)  # fmt: skip


class Server:
    """The server process; its user may do everything in the database `backtest` and nothing else."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._data, self._socket, self._log = folder / "data", folder / "s", folder / "log"
        self._options = options
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._install()
        self.start()
        self.execute(
            "CREATE DATABASE backtest CHARACTER SET utf8mb4",
            f"CREATE USER '{_USER}'@'127.0.0.1' IDENTIFIED BY '{_PASSWORD}'",
            f"GRANT ALL ON backtest.* TO '{_USER}'@'127.0.0.1'",
        )

    def url(self, port: int | None = None) -> str:
        """The address of the record, at the server's own port or at one in front of it."""
        return f"mysql+pymysql://{_USER}:{_PASSWORD}@127.0.0.1:{port or self.port}/backtest"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    _program("mariadbd", "mysqld"), *_OPTIONS, *self._options,
                    f"--datadir={self._data}", f"--socket={self._socket}", f"--port={self.port}",
                    f"--pid-file={self._socket}.pid", f"--log-error={self._log}",
                    *(("--user=root",) if os.getuid() == 0 else ()),
                ],
                stdout=log,
                stderr=log,
            )  # fmt: skip
        give_up_at = time.monotonic() + 60
        while True:
            try:
                return self.execute("SELECT 1")
            except pymysql.Error:
                if time.monotonic() > give_up_at or self._process.poll() is not None:
                    raise
                time.sleep(0.1)

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def stop(self, *, kill: bool = False) -> None:
        """End the server, politely or as a power cut would."""
        if self._process is not None:
            (self._process.kill if kill else self._process.terminate)()
            self._process.wait(60)
            self._process = None

    def execute(self, *statements: str) -> None:
        """Do something as root."""
        with (
            pymysql.connect(unix_socket=str(self._socket), user="root", autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)

    def hog(self) -> list[Any]:
        """Take every connection that an ordinary user may have; to be closed by the caller."""
        taken = []
        while True:
            try:
                taken.append(
                    pymysql.connect(host="127.0.0.1", port=self.port, user=_USER, password=_PASSWORD)
                )
            except pymysql.Error:
                return taken

    def _install(self) -> None:
        if installer := shutil.which("mariadb-install-db", path=_PATH):
            command = [
                installer,
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ]
        else:
            command = [_program("mysqld"), "--no-defaults", "--initialize-insecure"]
        owner = ["--user=root"] if os.getuid() == 0 else []
        done = subprocess.run([*command, f"--datadir={self._data}", *owner], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"the private server cannot be installed: {done.stdout}{done.stderr}")


def free_port() -> int:
    """A TCP port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def _program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name, path=_PATH):
            return found
    raise RuntimeError(f"none of {', '.join(names)} is installed: apt-get install mariadb-server")
