"""Debian's PgBouncer before a test's server."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.docs.test_sessions import free_port
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.debian_programs import debian_program, library_folders
from tests.support.processes import wait_until


@contextmanager
def pgbouncer(cluster: Cluster, *, mode: str, connections: int) -> Iterator[int]:
    """Run PgBouncer before the server, with so many connections to it; gives its port."""
    program = debian_program("pgbouncer", "pgbouncer", "libc-ares2")
    port, account = free_port(), pwd.getpwuid((cluster.data_dir / "postgres").stat().st_uid).pw_name
    with tempfile.TemporaryDirectory(prefix="ag-pgbouncer-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "users.txt").write_text('"afterglow_app" ""\n')
        (folder / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"* = host={cluster.address.socket_folder} port={cluster.address.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {folder}/users.txt\n"
            f"pool_mode = {mode}\ndefault_pool_size = {connections}\nmax_client_conn = 200\n"
            + (f"user = {account}\n" if os.geteuid() == 0 else "")
        )
        with subprocess.Popen(
            [program, folder / "pgbouncer.ini"],
            env=os.environ | {"LD_LIBRARY_PATH": library_folders("libc-ares2")},
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as process:
            try:
                assert wait_until(lambda: _listens(port), 20), "PgBouncer does not start"
                yield port
            finally:
                process.terminate()


def _listens(port: int) -> bool:
    with subprocess.Popen(["bash", "-c", f": < /dev/tcp/127.0.0.1/{port}"], stderr=subprocess.DEVNULL) as one:
        return one.wait() == 0


def through(urls: DatabaseUrls, port: int) -> str:
    """Give the application's URL through the pooler at this port."""
    with psycopg.connect(urls.application_url) as connection:
        return f"postgresql://afterglow_app@127.0.0.1:{port}/{connection.info.dbname}"
