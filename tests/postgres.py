"""A PostgreSQL of the tests' own: a cluster in a temporary folder, started once a test process, fsync on as in production."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.sandbox_fixtures import eventually

USER, PASSWORD = "retaguarda", "canary-postgres-1"  # of a server that lives as long as the tests
EMPTIED = """
DO $$ DECLARE found record; BEGIN
    SET LOCAL session_replication_role = replica;
    DROP SCHEMA IF EXISTS dbos CASCADE;
    FOR found IN SELECT tablename FROM pg_tables WHERE tablename LIKE 'store%' LOOP
        EXECUTE format('DELETE FROM %I', found.tablename);
    END LOOP;
    FOR found IN SELECT sequencename FROM pg_sequences WHERE sequencename LIKE 'store%' LOOP
        PERFORM setval(found.sequencename::regclass, 1, false);
    END LOOP;
END $$
"""
"""Empties every table of the store, and forgets the engine's; whoever changes the tables themselves needs a database of its own."""
DISTRIBUTIONS = Path("/usr/lib/postgresql")


@dataclass
class PostgresServer:
    """A running server: databases are made from a template, which costs a fraction of migrating."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    _names: Iterator[int] = field(default_factory=count)
    _clean: list[str] = field(default_factory=list)

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def ask(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """The rows that a statement gives, as the server's owner."""
        with psycopg.connect(self.url(database), autocommit=True) as link:
            cursor = link.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """A database for the block, made from a template; gives its address."""
        name = f"store_{next(self._names)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.ask(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def clean_database(self, template: str) -> Iterator[str]:
        """As `database`, but one that an earlier test left clean is taken again: making one costs ten times as much as emptying it."""
        if not self._clean:
            self._clean.append(f"store_{next(self._names)}")
            self.ask(f"CREATE DATABASE {self._clean[0]} TEMPLATE {template}")
        name = self._clean.pop()
        yield self.url(name)
        self.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        self.ask(EMPTIED, name)
        self._clean.append(name)

    def stop(self) -> None:
        """Stop it at once, as when its machine fails."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)

    def start(self) -> None:
        """Start it again on the same port."""
        self.process = _started(self.folder, self.port)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test process; it is never skipped: where there is none, the tests fail and say what to install."""
    with running_postgres() as server:
        yield server


def program(name: str) -> str:
    """A program of PostgreSQL's server; the tests fail where there is none."""
    held = [shutil.which(name), *(str(path) for path in sorted(DISTRIBUTIONS.glob(f"*/bin/{name}"), reverse=True))]
    found = next((path for path in held if path), None)
    if found is None:
        pytest.fail(f"no PostgreSQL server ({name}) on this machine: make setup, or apt-get install postgresql", pytrace=False)
    return found


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server for the block, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="retaguarda-postgres-") as held:
        folder = Path(held)
        owner = _owner()
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        options = ["-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "-D", str(folder / "data")]
        secret.chmod(0o644)  # initdb reads it as another user
        subprocess.run([*_as_owner(), program("initdb"), *options], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        port = _free_port()
        server = PostgresServer(port, folder, _started(folder, port))
        try:
            yield server
        finally:
            server.stop()


def _started(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [program("postgres"), "-D", str(folder / "data"), "-k", str(folder), "-h", "127.0.0.1", "-p", str(port)]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([*_as_owner(), *command], stdout=log, stderr=log, cwd=folder)

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return False
        try:
            psycopg.connect(f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    eventually(answers, within=60)
    return process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _owner() -> pwd.struct_passwd:
    """Who the server runs as: it refuses to run as root."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _as_owner() -> list[str]:
    """Run what follows as the owner, and let it die with the tests."""
    change = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return [shutil.which("setpriv") or "setpriv", *change, "--pdeathsig=QUIT"]
