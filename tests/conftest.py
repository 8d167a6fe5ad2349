"""Fixtures of the whole suite: a migrated store a test, a clock that nothing sleeps on, a house wired over both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from retaguarda.redaction import redactor
from retaguarda.store.connection import connect, point_at, set_up

set_up()  # before any test module imports the tables
logger.remove()  # loguru's own handler shows the values of a traceback; the product never uses it

from tests.house import House, SetClock  # noqa: E402  # needs the tables

pytest_plugins = ["tests.sandbox_fixtures"]


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
