"""The command line as processes of their own against the sandbox CCEE: looked at, stopped from outside, interrupted, resumed."""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.month.installation import Installation, write_sheet
from tests.sandbox_fixtures import SandboxProcess, running_sandbox

CONCLUDE = "/contratos/novo/concluir"
pytestmark = pytest.mark.browser
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def ccee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One CCEE for all of these tests; each registers contracts of its own."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), "ccee") as process:
        yield process


@pytest.fixture
def house(ccee: SandboxProcess, tmp_path: Path) -> Installation:
    return Installation(tmp_path / "house", ccee)


def sheet(path: Path, first: int, count: int) -> list[str]:
    """A sheet of `count` contracts from number `first` on; returns their references."""
    references = write_sheet(path, 99)
    rows = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([rows[0], *rows[1 + first : 1 + first + count]]) + "\n", "utf-8")
    return references[first : first + count]


def arguments(path: Path) -> list[str]:
    return ["run", "start", "register_contracts", "--param=month=2026-10", f"--param=sheet={path}"]


def registered(ccee: SandboxProcess, references: list[str]) -> Counter[str]:
    """How often each of these references stands at CCEE."""
    return Counter(held["reference"] for held in ccee.truth("ccee")["contracts"] if held["reference"] in references)


def begun(house: Installation, path: Path) -> subprocess.Popen[str]:
    """A run whose first press is on its way, and slow."""
    house.sandbox.faults("ccee", {"portal": "ccee", "at": f"POST {CONCLUDE}", "kind": "slow", "times": 1, "seconds": 4})
    process = house.start_process(*arguments(path))
    database = house.folder / "state" / "retaguarda.db"
    while not (database.exists() and pressed(house)):
        assert process.poll() is None, process.communicate()
    return process


def pressed(house: Installation) -> bool:
    return bool(house.query("select 1 from sqlite_master where name = 'store_intent'")) and house.query(
        "select count(*) from store_intent"
    ) == [(1,)]


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    with process:
        out, err = process.communicate(timeout=120)
    assert err == ""
    return process.returncode, out


def the_run(house: Installation) -> str:
    [(run_id,)] = house.query("select id from store_runrecord")
    return str(run_id)


def test_dry_run_looks_and_presses_nothing(house: Installation, ccee: SandboxProcess, tmp_path: Path) -> None:
    references = sheet(tmp_path / "sheet.csv", 0, 2)
    before = ccee.truth("ccee")
    done = house.command(*arguments(tmp_path / "sheet.csv"), "--dry-run")
    after = ccee.truth("ccee")
    assert done.returncode == 0, done.stderr
    assert after["contracts"] == before["contracts"]
    assert after["posts"].get(CONCLUDE, 0) == before["posts"].get(CONCLUDE, 0)
    assert house.query("select count(*) from store_intent") == [(0,)]
    assert "Simulação: nenhum botão foi acionado e nada foi lançado." in done.stdout
    assert "planejado" in done.stdout
    items = house.query("select reference, outcome from store_item order by reference")
    assert items == [(reference, "planned") for reference in references]


@pytest.mark.thorough
def test_stopped_by_another_process_at_a_safe_point_then_resumed(house: Installation, ccee: SandboxProcess, tmp_path: Path) -> None:
    references = sheet(tmp_path / "sheet.csv", 2, 3)
    process = begun(house, tmp_path / "sheet.csv")
    asked = house.command("run", "stop", the_run(house))
    assert (asked.returncode, "Foi pedida a parada" in asked.stdout) == (0, True)

    code, out = ended(process)
    assert code == 130
    assert "Interrompida pelo operador" in out
    assert f"Para continuar: retaguarda run resume {the_run(house)}" in out
    assert house.query("select state from store_runrecord") == [("STOPPED",)]
    assert registered(ccee, references) == {references[0]: 1}, "the press on its way was brought to its end, and no other begun"
    assert house.query("select state from store_intent") == [("DONE",)]

    told = house.resume(the_run(house))
    assert told.exit_code == 0
    assert registered(ccee, references) == dict.fromkeys(references, 1)
    assert house.query("select count(*) from store_intent") == [(3,)]


@pytest.mark.parametrize(
    ("number", "code", "first"), [(signal.SIGTERM, 143, 5), pytest.param(signal.SIGINT, 130, 7, marks=pytest.mark.thorough)]
)
def test_a_signal_stops_at_a_safe_point(
    house: Installation, ccee: SandboxProcess, tmp_path: Path, number: signal.Signals, code: int, first: int
) -> None:
    references = sheet(tmp_path / "sheet.csv", first, 2)
    process = begun(house, tmp_path / "sheet.csv")
    process.send_signal(number)
    assert ended(process)[0] == code
    assert house.query("select state from store_runrecord") == [("STOPPED",)]
    assert registered(ccee, references) == {references[0]: 1}
    assert house.query("select state from store_item order by id") == [("SUCCESSFUL",), ("NEW",)], "the next one was not touched"
    assert house.resume(the_run(house)).exit_code == 0
    assert registered(ccee, references) == dict.fromkeys(references, 1)


@pytest.mark.thorough
def test_json_is_all_that_is_written(house: Installation, tmp_path: Path) -> None:
    [reference] = sheet(tmp_path / "sheet.csv", 9, 1)
    done = house.command(*arguments(tmp_path / "sheet.csv"), "--json")
    assert done.stderr == ""
    told = house.command("run", "show", the_run(house), "--json")
    assert told.stdout == done.stdout, "the end of a run and a later look at it are told alike"
    assert f'"reference": "{reference}"' in told.stdout


def test_robot_check_signs_in(house: Installation) -> None:
    done = house.command("robot", "check", "ccee", "--sign-in")
    assert (done.returncode, done.stdout) == (0, "✓ ccee           apto para o trabalho\n")
    assert house.query("select process, state from store_runrecord") == [("check_sign_in", "SUCCESSFUL")]
