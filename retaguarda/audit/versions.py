"""Under which configuration, calendars, code and robots an event of a run happened: digests that anybody can compute again.

A version is the SHA-256 of the list that `sha256sum` prints of its files, in the order of their names (LC_ALL=C).
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retaguarda.configuration import configuration_folder, named_files
from retaguarda.settings import VARIABLES

SHORT = 16
"""Digits of a digest that each event carries; the event that a run began with has the files' whole."""
NOT_TOLD = VARIABLES | {"RETAGUARDA_STORE__URL"}
"""Variables that are no settings, and one that may hold a password, which could be guessed from its hash."""
ABSENT = "0" * 64
SOURCES = ("retaguarda", "robots", "tasks")
SUFFIXES = (".py", ".toml", ".json")
_ROOT = Path(__file__).parents[2]
_robots: dict[str, dict[str, str]] = {}
"""By run that this process carries out: the robots that worked for it, with their versions."""


@dataclass(frozen=True)
class Version:
    """Files by name, each with its SHA-256."""

    files: Mapping[str, str]

    @functools.cached_property
    def digest(self) -> str:
        listing = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(self.files.items()))
        return hashlib.sha256(listing.encode()).hexdigest()

    @property
    def short(self) -> str:
        return self.digest[:SHORT]


def configuration() -> Version:
    """The files that configure this installation, rules that are data included, and the variables that override them."""
    folder = configuration_folder()
    files = _hashed(folder) | {f"{path}": _look(path) for path in named_files() if path.parent != folder}
    given = {name: os.environ[name] for name in os.environ if name.startswith("RETAGUARDA_") and name not in NOT_TOLD}
    if given:
        files["environment"] = _of("".join(f"{name}={value}\n" for name, value in sorted(given.items())).encode())
    return Version(files)


def calendars() -> Version:
    """The files of calendars, and the library that knows the holidays which follow from rules."""
    return Version(_hashed(configuration_folder() / "calendars") | {"holidays": _of_library("holidays")})


@functools.cache
def code() -> Version:
    """What this process was started from: the suite, the robots, the tasks, and the lock file where it lies beside them."""
    found = [path for name in SOURCES for path in _sources(_ROOT / name)]
    lock = [path] if (path := _ROOT / "requirements" / "lock.txt").exists() else []
    return Version({path.relative_to(_ROOT).as_posix(): _of(path.read_bytes()) for path in [*found, *lock]})


def of_folders(folders: Iterable[Path]) -> Version:
    """Manifest and code of a robot: the folders of its class and of those that it builds on."""
    return Version(
        {f"{folder.name}/{path.relative_to(folder).as_posix()}": _of(path.read_bytes()) for folder in folders for path in _sources(folder)}
    )


@contextmanager
def carrying_out(run: str) -> Iterator[None]:
    """Events of a run name the robots that worked for it within this block."""
    before = _robots.get(run, {})
    _robots[run] = dict(before)
    try:
        yield
    finally:
        if before:
            _robots[run] = before
        else:
            _robots.pop(run, None)


def at_work(run: str, robot: str, version: Version) -> None:
    """A robot begins to work for a run."""
    _robots.setdefault(run, {})[robot] = version.short


def standing(run: str) -> dict[str, Any]:
    """The versions that an event of a run carries."""
    told: dict[str, Any] = {"config": configuration().short, "calendars": calendars().short, "code": code().short}
    return told | ({"robots": dict(held)} if (held := _robots.get(run)) else {})


def whole() -> dict[str, Any]:
    """The same in full, for the event that a run begins with."""
    held = {"config": configuration(), "calendars": calendars()}
    return {name: {"sha256": version.digest, "files": dict(version.files)} for name, version in held.items()} | {"code": code().digest}


def _hashed(folder: Path) -> dict[str, str]:
    """The TOML files of a folder; every event asks for them, so it is one pass over the folder without a path made of any name."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: _look(entry) for entry in entries if entry.name.endswith(".toml")}
    except OSError:
        return {}


def _look(path: Path | os.DirEntry[str]) -> str:
    """The hash of a file that may change at any moment; computed again only when its size or time of change is another."""
    try:
        look = path.stat()
        return _of_file(os.fspath(path), look.st_mtime_ns, look.st_size, look.st_ino)
    except OSError:
        return ABSENT  # an event is never lost because a file of the configuration is


@functools.lru_cache(maxsize=200)
def _of_file(path: str, *_look: int) -> str:
    return _of(Path(path).read_bytes())


@functools.cache
def _of_library(name: str) -> str:
    """The hash of a library's version: the one that this process has loaded, or will."""
    return _of(importlib.metadata.version(name).encode())


def _of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
