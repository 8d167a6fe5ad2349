"""Fetches and prepares the ERP once and keeps it: `python -m sandbox.erp.install`.

Four things lie in the cache (RETAGUARDA_CACHE, else ~/.cache/retaguarda), each in a folder named by the digest of what it
is made of: the Python environment with Tryton, its web client, an empty database with our modules, and that database
with a month. What is there is not made again. Fetching needs `uv` (UNIX path in UV, else on the PATH) and `npm`.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox.erp.month_file import month_file
from sandbox.month import TODAY, Month, build

HERE = Path(__file__).parent
INSIDE = HERE / "inside"
MODULES = ("energy_contract", "sandbox_clock", "account_statement_rule", "account_statement_ofx", "bank")


class CannotInstall(FileNotFoundError):
    """The ERP cannot be fetched or prepared; the text says what to do."""


@dataclass(frozen=True)
class Erp:
    """What the sandbox needs to start an ERP: the environment's Python, the web client's folder, the seeded database."""

    python: Path
    client: Path
    database: Path


def cache() -> Path:
    """Where the prepared ERP is kept."""
    return Path(os.environ.get("RETAGUARDA_CACHE") or Path.home() / ".cache" / "retaguarda") / "erp"


def install(month: Month) -> Erp:
    """The ERP with this month, made now where it is not in the cache; raises CannotInstall."""
    environment = _kept("env", _environment_digest(), _make_environment)
    python = environment / "bin" / "python"
    client = _kept("sao", _digest([HERE / "libraries.toml"]), _make_client)
    empty_digest = _digest([HERE / "requirements.txt", *_module_files()])
    empty = _kept("empty", empty_digest, lambda folder: _make_empty(folder, python)) / "erp.sqlite"
    told = month_file(month)
    digest = hashlib.sha256((empty_digest + told).encode() + (INSIDE / "seed.py").read_bytes()).hexdigest()[:16]
    seeded = _kept("month", digest, lambda folder: _make_month(folder, python, empty, told))
    return Erp(python, client, seeded / "erp.sqlite")


def environment_variables() -> dict[str, str]:
    """What a process inside the ERP's environment sees: our modules, the sandbox's day, nothing of the product."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(INSIDE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "SANDBOX_TODAY": TODAY.isoformat(),
        "TZ": "America/Sao_Paulo",
        "LANG": "C.UTF-8",
    }


def configuration(database_folder: Path, extra: str = "") -> str:
    """A trytond.conf for the databases in a folder."""
    return f"[database]\nuri = sqlite://\npath = {database_folder}\n{extra}"


def _kept(kind: str, digest: str, make: Callable[[Path], None]) -> Path:
    """The folder of this kind and digest; made once, whole or not at all, by one process at a time."""
    folder = cache() / f"{kind}-{digest}"
    done = folder / ".complete"
    if done.exists():
        return folder
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _tell(f"preparing {kind} ...")
            started = time.monotonic()
            make(folder)
            done.touch()
            _tell(f"{kind} ready in {time.monotonic() - started:.0f} s")
    return folder


def _tell(text: str) -> None:
    print(f"erp: {text}", file=sys.stderr, flush=True)


def _digest(files: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for file in sorted(files):
        found.update(file.relative_to(HERE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _environment_digest() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    return f"py{version}-{_digest([HERE / 'requirements.txt'])}"


def _module_files() -> list[Path]:
    folders = ("energy_contract", "sandbox_clock", "sandbox_erp-8.0.0.dist-info")
    return [f for name in folders for f in (INSIDE / name).rglob("*") if f.is_file() and "__pycache__" not in f.parts]


def _make_environment(folder: Path) -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        raise CannotInstall("uv is needed to fetch the ERP: install it, or say where it is in UV")
    _run([uv, "venv", "--quiet", "--python", sys.executable, "--allow-existing", str(folder)])
    python = folder / "bin" / "python"
    options = ["--quiet", "--compile-bytecode", "--require-hashes"]
    _run([uv, "pip", "install", *options, "--python", str(python), "-r", str(HERE / "requirements.txt")])


def _make_client(folder: Path) -> None:
    """Sao is published built; it lacks only the browser libraries that its index.html loads from node_modules."""
    libraries = tomllib.loads((HERE / "libraries.toml").read_text("utf-8"))
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _pack(libraries, Path(scratch))
        for name, told in libraries.items():
            _unpack(Path(scratch) / f"{name}-{told['version']}.tgz", told["integrity"], Path(scratch) / name)
        sao = Path(scratch) / "tryton-sao"
        for needed in re.findall(r'node_modules/([^"]+)', (sao / "index.html").read_text("utf-8")):
            (sao / "node_modules" / needed).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(scratch) / needed, sao / "node_modules" / needed)
        for unused in ("src", "tests"):
            shutil.rmtree(sao / unused)
        for optional in ("custom.js", "custom.css"):
            (sao / optional).touch()
        shutil.copytree(sao, folder, dirs_exist_ok=True)


def _pack(libraries: dict[str, dict[str, str]], folder: Path) -> None:
    npm = shutil.which("npm")
    if not npm:
        raise CannotInstall("npm is needed once to fetch the ERP's web client: install Node.js")
    _run([npm, "pack", "--silent", *(f"{name}@{told['version']}" for name, told in libraries.items())], cwd=folder)


def _unpack(archive: Path, integrity: str, folder: Path) -> None:
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != integrity:
        raise CannotInstall(f"{archive.name} is not the file that libraries.toml names")
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "packed", filter="data")
    (inner,) = (folder / "packed").iterdir()
    for item in inner.iterdir():
        item.rename(folder / item.name)


def _make_empty(folder: Path, python: Path) -> None:
    """An ERP without a company: Tryton's modules and ours, in English (the chart of accounts) and Portuguese."""
    (folder / "erp.sqlite").touch()
    (folder / "trytond.conf").write_text(configuration(folder))
    password = folder / "password"
    password.write_text(secrets.token_urlsafe(24))
    admin = [str(python), "-O", "-m", "trytond.cli.admin", "-c", str(folder / "trytond.conf"), "-d", "erp"]
    told = ["--activate-dependencies", "--email", "admin@exemplo.example", "-l", "en", "-l", "pt"]
    _run([*admin, "-u", *MODULES, *told], env={**environment_variables(), "TRYTONPASSFILE": str(password)})
    password.unlink()


def _make_month(folder: Path, python: Path, empty: Path, told: str) -> None:
    _copy_database(empty, folder / "work.sqlite")
    queue = "[queue]\nworker = True\n"  # nobody works it off while seeding: 80 invoices need not be printed
    (folder / "trytond.conf").write_text(configuration(folder, queue))
    (folder / "month.json").write_text(told, encoding="utf-8")
    _run([str(python), "-O", "-m", "seed", "work", str(folder / "trytond.conf"), str(folder / "month.json")], env=environment_variables())
    _copy_database(folder / "work.sqlite", folder / "erp.sqlite")
    for left in folder.glob("work.sqlite*"):
        left.unlink()


def _copy_database(source: Path, target: Path) -> None:
    """A compact copy in one file, without the write-ahead log that a server leaves."""
    connection = sqlite3.connect(source)
    try:
        connection.execute("vacuum into ?", (str(target),))
    finally:
        connection.close()


def _run(command: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, check=False, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise CannotInstall(f"{Path(command[0]).name} failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-2000:]}")


if __name__ == "__main__":
    erp = install(build(int(sys.argv[1]) if len(sys.argv) > 1 else 42))
    print(json.dumps({"python": str(erp.python), "client": str(erp.client), "database": str(erp.database)}, indent=2))
