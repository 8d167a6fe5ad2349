"""`retaguarda calendar` as operators type it: what it shows, what it writes, and with which exit code it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from retaguarda.console.commands_calendar import app
from retaguarda.errors import ConfigurationError
from retaguarda.store.models import OutboxEvent

LIST = """\
data;feriado
01/01/2027;Confraternização
25/01/2027;São Paulo
08/02/2027;Carnaval
09/02/2027;Carnaval
26/03/2027;Paixão
21/04/2027;Tiradentes
27/05/2027;Corpus Christi
07/09/2027;Independência
12/10/2027;Aparecida
02/11/2027;Finados
15/11/2027;República
"""


@pytest.fixture
def config(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of this test's own, on 10 November 2026."""
    folder = tmp_path / "config"
    shutil.copytree("config", folder)
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(folder))
    monkeypatch.setenv("RETAGUARDA_HOME", str(store.parent))
    monkeypatch.setenv("RETAGUARDA_CLOCK__BUSINESS_DATE", "2026-11-10")
    monkeypatch.setenv("COLUMNS", "200")
    return folder


def call(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def shown_by(*arguments: str, code: int = 0) -> str:
    """What a command shows, with one space between words."""
    return " ".join(call(*arguments, code=code).output.split())


def told(*arguments: str, code: int = 0) -> Any:
    return json.loads(call(*arguments, "--json", code=code).output)


def test_the_calendars_with_their_years_and_how_sure_they_are(config: Path) -> None:
    shown = call("list").output
    assert "2001–2099" in shown
    assert "baixa" in next(line for line in shown.splitlines() if line.startswith("ccee"))
    assert {one["name"]: (one["version"], one["years"], one["confidence"]) for one in told("list")} == {
        "anbima": (1, [[2001, 2099]], "high"),
        "sao-paulo": (1, [[2022, 2050]], "medium"),
        "ccee": (1, [[2022, 2050]], "low"),
    }


def test_a_year_of_a_calendar(config: Path) -> None:
    shown = shown_by("show", "ccee")
    assert "CCEE · 2026" in shown
    assert "09/07/2026 quinta-feira Revolução Constitucionalista" in shown
    assert "11/2026 19 03/11 30/11" in shown
    found = told("show", "anbima+sao-paulo", "--year", "2027")
    assert {"date": "2027-01-25", "name": "Aniversário de São Paulo", "weekday": 0} in found["holidays"]
    assert (found["confidence"], len(found["business_days"])) == ("medium", 12)


def test_an_unknown_calendar_or_year_is_an_error(config: Path) -> None:
    for arguments in (["show", "moon"], ["show", "ccee", "--year", "2060"], ["check", "--month", "10"]):
        with pytest.raises(ConfigurationError) as raised:
            call(*arguments)
        assert raised.value.remedy


def test_a_list_is_tried_then_taken_over(config: Path, tmp_path: Path) -> None:
    path, file = tmp_path / "ccee.csv", config / "calendars" / "ccee.toml"
    path.write_bytes(LIST.encode("cp1252"))
    before = file.read_bytes()
    tried = told("import", "ccee", str(path), "--source", "CCEE 1/2027", "--dry-run")
    assert (tried["written"], tried["version"], len(tried["gone"]), file.read_bytes()) == (False, 2, 4, before)
    shown = shown_by("import", "ccee", str(path), "--source", "CCEE 1/2027")
    assert "saíram (4): 01/05/2027 Dia do Trabalhador" in shown
    assert "A versão anterior foi guardada" in shown
    assert (config / "calendars" / "former" / "ccee-v1.toml").read_bytes() == before
    assert OutboxEvent.objects.get().line["action"] == "calendar.imported"
    after = told("show", "ccee", "--year", "2027")
    assert (after["confidence"], len(after["holidays"])) == ("high", 11)
    checked = told("check", "--month", "2026-12")
    assert [one["text"] for one in checked["remarks"]] == ["2027-07-09 Revolução Constitucionalista is off by rule and not in the list"]


def test_lines_that_cannot_be_read_stop_an_import_unless_they_are_left_out(config: Path, tmp_path: Path) -> None:
    path, file = tmp_path / "ccee.csv", config / "calendars" / "ccee.toml"
    path.write_text(LIST + "Fonte: CCEE\n", "utf-8")
    before = file.read_bytes()
    shown = shown_by("import", "ccee", str(path), code=1)
    assert "13 Fonte: CCEE a linha não começa com uma data" in shown
    assert "Nada foi importado" in shown
    assert file.read_bytes() == before
    found = told("import", "ccee", str(path), "--partial", code=1)
    assert (found["written"], [one["line"] for one in found["rejected"]]) == (True, [13])
    assert file.read_bytes() != before


def test_published_deadlines_stand_beside_their_formulas(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "deadlines.csv"
    path.write_text("supply;event;date;hour;source\n2026-10;register;10/11/2026;17:00;CCEE 99\n", "utf-8")
    assert told("import", "deadlines", str(path))["added"] == [{"date": "2026-11-10", "name": "register 2026-10 17:00"}]
    register = next(one for one in told("check")["deadlines"] if one["event"] == "register")
    assert (register["at"], register["by_formula"], register["differs"], register["published"]) == (
        "2026-11-10T17:00:00-03:00", "2026-11-11T18:00:00-03:00", True, True
    )  # fmt: skip
    shown = shown_by("check")
    assert "Registro na CCEE 10/11/2026 17:00 publicado; pela fórmula MS+7du 18:00: 11/11 18:00 alta CCEE 99" in shown
    assert "anbima 03/11 09/11 10/11 11/11" in shown


def test_a_calendar_that_ends_soon_is_a_problem_with_an_exit_code(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(LIST.replace("/2027", "/2026"), "utf-8")
    call("import", "own", str(path))
    assert "✗ own não se conhecem dias depois de 31/12/2026" in shown_by("check", code=1)
    assert told("check", code=1)["remarks"][0]["text"] == "no days after 2026-12-31 are known: import the next year"


def test_a_file_that_is_not_there(config: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        call("import", "ccee", str(tmp_path / "nothing.csv"))
    with pytest.raises(ConfigurationError, match="'sure' is no confidence"):
        call("import", "ccee", str(tmp_path / "nothing.csv"), "--confidence", "sure")
