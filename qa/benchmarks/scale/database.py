"""A MySQL or MariaDB server of our own: a new data folder, loopback only, gone afterwards."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql

_START_SECONDS, _STOP_SECONDS = 60, 60
_NAME = "stock_backtest"


@contextmanager
def private_server(folder: Path, *, buffer_pool_mib: int) -> Iterator[str]:
    """Start the server with its data in `folder`; the address of an empty database in it."""
    program = _program("mysqld", "mariadbd")
    data = folder / "data"
    _initialize(program, data)
    port, sockets = free_port(), folder / "mysql.sock"
    command = [
        program, "--no-defaults", f"--datadir={data}", f"--socket={sockets}", f"--port={port}",
        f"--pid-file={folder / 'mysql.pid'}", "--bind-address=127.0.0.1", "--skip-log-bin",
        f"--innodb-buffer-pool-size={buffer_pool_mib}M", "--innodb-flush-log-at-trx-commit=2",
        "--innodb-log-file-size=512M", "--max-connections=200", *_as_root(),
    ]  # fmt: skip
    with (
        (folder / "mysql.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as server,
    ):
        try:
            yield _empty_database(server, sockets, port, folder)
        finally:
            server.terminate()
            server.wait(_STOP_SECONDS)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _initialize(program: str, data: Path) -> None:
    if "mariadb" in Path(program).resolve().name:
        installer = _program("mariadb-install-db", "mysql_install_db")
        command = [
            installer,
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
        ]
    else:
        command = [program, "--no-defaults", "--initialize-insecure", f"--datadir={data}"]
    subprocess.run([*command, *_as_root()], check=True, capture_output=True)


def _empty_database(server: subprocess.Popen[bytes], sockets: Path, port: int, folder: Path) -> str:
    give_up_at = time.monotonic() + _START_SECONDS
    while not sockets.exists():
        if server.poll() is not None or time.monotonic() > give_up_at:
            raise RuntimeError(f"the server did not start:\n{(folder / 'mysql.log').read_text()[-2000:]}")
        time.sleep(0.1)
    with pymysql.connect(unix_socket=str(sockets), user="root") as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {_NAME}")
        cursor.execute("CREATE USER 'bench'@'127.0.0.1' IDENTIFIED BY 'local-bench-only'")
        cursor.execute("CREATE USER 'bench'@'localhost' IDENTIFIED BY 'local-bench-only'")
        for host in ("127.0.0.1", "localhost"):
            cursor.execute(f"GRANT ALL ON {_NAME}.* TO 'bench'@'{host}'")
    return f"mysql+pymysql://bench:local-bench-only@127.0.0.1:{port}/{_NAME}"


def _program(*names: str) -> str:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    if found is None:
        raise SystemExit(f"error: none of {', '.join(names)} is on PATH: apt-get install mariadb-server")
    return found


def _as_root() -> list[str]:
    return [f"--user={getpass.getuser()}"] if os.getuid() == 0 else []
