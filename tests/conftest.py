"""Fixtures of the whole suite: a migrated store a test, a clock that nothing sleeps on, a house wired over both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from loguru import logger

from retaguarda.redaction import redactor
from retaguarda.store.connection import connect, point_at, set_up

set_up()  # before any test module imports the tables
settings.register_profile("suite", deadline=None)  # a busy machine is no defect; what hangs is ended by pytest-timeout
settings.load_profile("suite")
logger.remove()  # loguru's own handler shows the values of a traceback; the product never uses it

from tests.house import House, SetClock  # noqa: E402  # needs the tables

if TYPE_CHECKING:  # pytest brings in its plugins itself
    from tests.postgres import PostgresServer

pytest_plugins = ["tests.sandbox_fixtures", "tests.postgres"]


LONG = ("month", "erp", "browser")
"""Marks of tests that take minutes, the longest first."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests take minutes begin first, so that no worker is left alone with one in the end; `one_store` runs on PostgreSQL."""
    for item in items:
        if item.get_closest_marker("one_store") and "postgres" not in item.name:
            item.add_marker(pytest.mark.thorough)
    ranks = dict.fromkeys((item.path for item in items), len(LONG))
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        ranks[item.path] = min(ranks[item.path], *(LONG.index(mark) for mark in marks & set(LONG)), len(LONG))
    items.sort(key=lambda item: ranks[item.path])


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with all tables and no rows, made once."""
    path = tmp_path_factory.mktemp("store") / "template.db"
    connect(f"sqlite://{path}")
    point_at("sqlite://:memory:")
    return path


@pytest.fixture
def store(migrated: Path, tmp_path: Path) -> Iterator[Path]:
    """A store of this test's own, open; returns its file."""
    path = tmp_path / "home" / "retaguarda.db"
    path.parent.mkdir()
    shutil.copyfile(migrated, path)
    point_at(f"sqlite://{path}")
    yield path
    point_at("sqlite://:memory:")


@pytest.fixture(autouse=True)
def _forgets_secrets() -> Iterator[None]:
    """What a test tells the redactor is not known to the next one."""
    yield
    redactor.forget()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def house(store: Path, clock: SetClock) -> Iterator[House]:
    """An installation in the test's own folder: real store, vault, locks, evidence and audit log; no robots yet."""
    with House.over(store.parent, clock) as house:
        yield house


@dataclass(frozen=True)
class OpenStore:
    """A store that is open, migrated and empty: its kind (`sqlite` or `postgresql`), its address, and its home folder."""

    kind: str
    url: str
    home: Path


@pytest.fixture(scope="session")
def migrated_database(postgres: PostgresServer) -> Iterator[str]:
    """The name of a PostgreSQL database with all tables and no rows, made once; copies of it cost little."""
    with postgres.database() as url:
        connect(url)
        point_at("sqlite://:memory:")
        yield url.rpartition("/")[2]


@pytest.fixture
def postgres_store(postgres: PostgresServer, migrated_database: str, tmp_path: Path) -> Iterator[OpenStore]:
    """A PostgreSQL store of this test's own, open."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    with postgres.clean_database(migrated_database) as url:
        point_at(url)
        yield OpenStore("postgresql", url, home)
        point_at("sqlite://:memory:")


@pytest.fixture(params=["sqlite", "postgresql"])
def any_store(request: pytest.FixtureRequest) -> OpenStore:
    """A store of this test's own, open, migrated and empty; the test runs on both kinds."""
    if request.param == "postgresql":
        store: OpenStore = request.getfixturevalue("postgres_store")
        return store
    path: Path = request.getfixturevalue("store")
    return OpenStore("sqlite", f"sqlite://{path}", path.parent)


@pytest.fixture
def any_house(any_store: OpenStore, clock: SetClock) -> Iterator[House]:
    """An installation as `house`, over both kinds of store."""
    with House.over(any_store.home, clock) as house:
        yield house
