"""One console for each file of tests: a start costs seconds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from retaguarda.store.connection import point_at
from tests.console.web.server import Console, served

ROLES = ("operator", "approver", "auditor", "administrator")


@pytest.fixture(scope="module")
def console(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A served console whose store is open here too, with a person of each role, and one who has two."""
    home = tmp_path_factory.mktemp("console")
    url = f"sqlite://{home / 'retaguarda.db'}"
    shutil.copyfile(migrated, home / "retaguarda.db")
    point_at(url)
    with served(home, url) as console:
        for name in ROLES:
            console.person(f"the-{name}", name)
        console.person("two-hats", "operator", "approver")
        yield console
    point_at("sqlite://:memory:")
