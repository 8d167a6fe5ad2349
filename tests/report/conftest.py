"""One realistic report for the tests of the workbook and the page, in Portuguese unless a test asks for English."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from retaguarda.language import language, set_language
from retaguarda.report.content import RunReport
from tests.report.report_sample import month_report


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> RunReport:
    return month_report(tmp_path_factory.mktemp("evidence"))


@pytest.fixture(autouse=True)
def _portuguese() -> Iterator[None]:
    before = language()
    set_language("pt-BR")
    yield
    set_language(before)


@pytest.fixture
def english() -> None:
    set_language("en")
