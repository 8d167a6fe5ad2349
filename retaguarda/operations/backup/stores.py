"""The store in a backup: a snapshot by SQLite's online backup, or by PostgreSQL's own pg_dump."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db import connection

from retaguarda.errors import ConfigurationError, StoreUnavailable
from retaguarda.operations.backup.files import flush_file
from retaguarda.redaction import redactor
from retaguarda.store.databases import database

SQLITE, POSTGRESQL = "store.db", "store.dump"
PAGES = 4096
Told = Callable[[int, int], None]
"""Hears how much is done, of how much."""
_ENVIRONMENT = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD", "NAME": "PGDATABASE"}


def file_name(kind: str) -> str:
    """How the snapshot of a store of that kind is called."""
    return SQLITE if kind == "sqlite" else POSTGRESQL


def snapshot(target: Path, told: Told) -> dict[str, str]:
    """Write a snapshot of the store that is open, of one moment, while others work; returns what is worth knowing of it."""
    target.touch(mode=0o600)
    if connection.vendor == "sqlite":
        _copy_sqlite(str(connection.settings_dict["NAME"]), target, told)
        found = {"sqlite": sqlite3.sqlite_version}
    else:
        server = _server_version()
        tool = _tool("pg_dump", server)
        _run([tool, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}"], connection.settings_dict)
        found = {"server": server, "pg_dump": _version_of(tool)}
    flush_file(target)
    return found


def _copy_sqlite(source: str, target: Path, told: Told) -> None:
    with closing(sqlite3.connect(source, timeout=30)) as live, closing(sqlite3.connect(target)) as copy:
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot begins here: what others write later is not in it
        live.backup(copy, pages=PAGES, progress=lambda _, left, total: told(total - left, total))
        live.rollback()
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, and no other beside it


def problems(path: Path, kind: str) -> Iterator[str]:
    """What is wrong inside a snapshot, asked of the database itself."""
    if kind == "sqlite":
        yield from _sqlite_problems(path)
        return
    listed = subprocess.run([_tool("pg_restore"), "--list", str(path)], capture_output=True, text=True, check=False)  # noqa: S603
    if listed.returncode:
        yield f"the dump cannot be read: {listed.stderr.strip().splitlines()[-1]}"
    elif "TABLE DATA public store_runrecord" not in listed.stdout:
        yield "the dump holds no runs"


def _sqlite_problems(path: Path) -> Iterator[str]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as copy:
            yield from (f"the store: {row[0]}" for row in copy.execute("PRAGMA integrity_check(5)") if row[0] != "ok")
            yield from (f"the store: {row[0]} points to nothing" for row in copy.execute("PRAGMA foreign_key_check").fetchmany(5))
            copy.execute("SELECT count(*) FROM store_runrecord").fetchone()
    except sqlite3.DatabaseError as error:
        yield f"the store cannot be read: {error}"


def must_be_empty(url: str) -> None:
    """ConfigurationError unless the database at this address exists and holds nothing: a living one is never written over."""
    from psycopg import Error, connect
    from psycopg.conninfo import make_conninfo

    entry = database(url)
    options = {name.removeprefix("PG").lower(): value for name, value in _variables(entry).items()}
    options["dbname"] = options.pop("database")
    try:
        with connect(make_conninfo(**options)) as link:
            found = link.execute("SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')").fetchone()
    except Error as error:
        text = redactor.clean(" ".join(str(error).split()))
        raise StoreUnavailable(f"the database to restore into does not answer: {text}", remedy="create it empty, then try again") from error
    if found and found[0]:
        raise ConfigurationError("the database to restore into is not empty", remedy="give a new one: createdb NAME")


def restore_sqlite(snapshot_file: Path, target: Path) -> None:
    """The snapshot as a store of its own."""
    shutil.copyfile(snapshot_file, target)
    target.chmod(0o600)


def restore_postgresql(dump: Path, url: str, mark: str) -> None:
    """All of a dump into an empty database, with the statement `mark`, in one transaction: whole and marked, or nothing."""
    entry = database(url)
    script = dump.with_name(".restore.sql")
    try:
        _run([_tool("pg_restore"), "--no-owner", "--no-privileges", f"--file={script}", str(dump)], entry)
        strict = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
        _run([_tool("psql"), *strict, f"--file={script}", f"--command={mark}"], entry)
    finally:
        script.unlink(missing_ok=True)


def _run(command: list[str], entry: Mapping[str, Any]) -> None:
    """Run a tool of PostgreSQL; the password goes through its environment, where other users do not see it."""
    done = subprocess.run(command, env=os.environ | _variables(entry), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = redactor.clean(" ".join(done.stderr.split())[:500])
        raise StoreUnavailable(f"{Path(command[0]).name} failed: {said}", remedy="check the server and the disk")


def _variables(entry: Mapping[str, Any]) -> dict[str, str]:
    """libpq's variables for a database."""
    held = {variable: str(entry[name]) for name, variable in _ENVIRONMENT.items() if entry.get(name)}
    options = entry.get("OPTIONS", {})
    return held | {
        f"PG{name.upper()}": str(options[name]) for name in ("sslmode", "sslrootcert", "sslcert", "sslkey", "passfile") if name in options
    }


def _server_version() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        return str(cursor.fetchone()[0])


def _tool(name: str, server: str = "") -> str:
    """A program of PostgreSQL's client, as new as the server at least; ConfigurationError says what to install."""
    path = shutil.which(name)
    needed = _major(server)
    if path is None or _major(_version_of(path)) < needed:
        found = f"{name} {_version_of(path)} is older than the server ({server})" if path else f"there is no {name} on this machine"
        raise ConfigurationError(found, remedy=f"install postgresql-client{f'-{needed}' if needed else ''}")
    return path


def _version_of(tool: str) -> str:
    said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    found = re.search(r"\d+(\.\d+)*", said)
    return found[0] if found else ""


def _major(version: str) -> int:
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0
