"""Boletos from the sheet to the bank's answer: handed in once whatever happens, confirmed or rejected by the next retorno."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.collection.portfolio import SEEDED
from tests.month.boleto_sheet import write_invoices
from tests.month.installation import Installation, Told
from tests.month.test_interruptions import wait_until
from tests.sandbox_fixtures import Factory, SandboxProcess

NEXT_DAY = "2026-11-12"
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Bank:
    """A bank with its own way of taking remessas."""

    sandbox: SandboxProcess
    name: str

    @property
    def press(self) -> str:
        return {"bank_cedro": "/modulo/remessa/confirmar"}.get(self.name, "/cobranca/remessas/transmitir")

    @property
    def credential(self) -> str:
        return f"{self.name}/robo"

    @property
    def account(self) -> str:
        return self.sandbox.site(self.name).account

    def truth(self) -> dict[str, Any]:
        return self.sandbox.truth(self.name)

    def faults(self, *faults: dict[str, Any]) -> None:
        self.sandbox.faults(self.name, *faults)

    def presses(self) -> int:
        return int(self.truth()["posts"].get(self.press, 0))

    def remessas(self) -> list[dict[str, Any]]:
        """What came in after the bank's own past."""
        return [row for row in self.truth()["remessas"] if row["user"] != SEEDED]

    def registered(self) -> dict[str, str]:
        """Document → rejection codes of every title that came in."""
        ours = {row["id"] for row in self.remessas()}
        return {title["document"]: title["reasons"] for title in self.truth()["titles"] if title["remessa"] in ours}


ANY_BANK = pytest.mark.parametrize(
    "bank",
    [
        pytest.param("bank_ipe", marks=pytest.mark.thorough),
        pytest.param("bank_jatoba", marks=pytest.mark.thorough),
        "bank_cedro",  # takes a number twice: nothing but the act protocol keeps from doubling
    ],
    indirect=True,
)


@pytest.fixture
def bank(request: pytest.FixtureRequest, sandbox_factory: Factory) -> Bank:
    name = getattr(request, "param", "bank_ipe")
    return Bank(sandbox_factory(name), name)


@pytest.fixture
def house(tmp_path: Path, bank: Bank) -> Installation:
    return Installation(tmp_path / "house", bank.sandbox, settings={f"RETAGUARDA_PORTALS__{bank.name.upper()}__QUIET_SECONDS": "4"})


def only_run(house: Installation) -> str:
    [(run_id,)] = house.query("select id from store_runrecord")
    return str(run_id)


def issue(house: Installation, sheet: Path, credential: str = "bank_ipe/robo") -> Told:
    return house.run("issue_boletos", sheet=str(sheet), credential=credential)


def on(house: Installation, bank: Bank, day: str) -> Installation:
    """The same installation and bank on another business day."""
    bank.sandbox.set_clock(bank.name, f"{day}T09:30:00-03:00")
    house.settings["RETAGUARDA_CLOCK__BUSINESS_DATE"] = day
    return house


@pytest.mark.thorough
def test_from_the_sheet_to_the_banks_answer(tmp_path: Path, house: Installation, bank: Bank) -> None:
    sheet = tmp_path / "faturas.csv"
    write_invoices(sheet, ["F-1", "F-2", "F-3", "F-4"], UF="XX")
    first = issue(house, sheet)
    assert first.exit_code == 1  # the row with a state that is none
    assert bank.registered() == {"F-1": "", "F-2": "", "F-3": ""}
    assert bank.presses() == 1
    [remessa] = bank.remessas()
    assert (remessa["sequence"], remessa["titles"], remessa["total"]) == (42, 3, "3733.68")
    item = first.items("issue_boletos")["0158 / 60417-8 NSA 000042"]
    assert (item["state"], item["protocol"]) == ("SUCCESSFUL", remessa["protocol"])
    assert first.items("issue_boletos")["boleto F-4"]["reason"].startswith("state:")

    again = issue(house, sheet)
    assert bank.presses() == 1  # nothing is left to issue
    assert again.items("issue_boletos")["boleto F-1"]["code"] == "conflict"

    early = house.run("confirm_boletos")
    assert (early.root["result"]["waiting"], early.root["result"]["breaks"], early.exit_code) == (3, 0, 0)

    on(house, bank, NEXT_DAY)
    answered = house.run("confirm_boletos")
    assert {key: answered.root["result"][key] for key in ("confirmed", "rejected", "waiting", "breaks")} == {
        "confirmed": 3, "rejected": 0, "waiting": 0, "breaks": 0
    }  # fmt: skip
    assert answered.exit_code == 0
    assert house.query("select document, state from store_issuedtitle order by document") == [(f"F-{n}", "CONFIRMED") for n in (1, 2, 3)]
    assert house.run("confirm_boletos").root["result"]["confirmed"] == 0  # told once

    on(house, bank, "2026-11-19")
    statement = house.run("download_statements", period="2026-11-11..2026-11-18", credentials="bank_ipe/robo")
    assert statement.exit_code == 0
    paid = house.query("select date, amount from store_statemententry where description like '%LIQUIDACAO DE BOLETOS%' order by date")
    assert len([row for row in paid if row[0] >= "2026-11-18"]) == 1


@pytest.mark.thorough
def test_what_the_bank_rejects_is_told_with_its_reasons_and_may_be_issued_again(tmp_path: Path, house: Installation, bank: Bank) -> None:
    """The due date is fine for us, and too near for the bank, which works on the remessa tomorrow."""
    sheet = tmp_path / "faturas.csv"
    write_invoices(sheet, ["G-1", "G-2"], Vencimento="11/11/2026")
    assert issue(house, sheet).exit_code == 0
    on(house, bank, NEXT_DAY)
    told = house.run("confirm_boletos")
    assert told.exit_code == 1
    assert {key: told.root["result"][key] for key in ("confirmed", "rejected", "breaks")} == {"confirmed": 1, "rejected": 1, "breaks": 1}
    assert "Data de vencimento inválida" in (next((tmp_path / "house" / "output").glob("*/*confirm*/log.html"))).read_text("utf-8")
    write_invoices(sheet, ["G-1", "G-2"], Vencimento="20/11/2026")
    second = issue(house, sheet)
    assert second.items("issue_boletos")["boleto G-1"]["code"] == "conflict"
    assert bank.presses() == 2
    assert [title["document"] for title in bank.truth()["titles"] if title["remessa"] == 3] == ["G-2"]


@ANY_BANK
@pytest.mark.parametrize("fault", [pytest.param("slow", marks=pytest.mark.thorough), "late-commit"])
def test_killed_between_press_and_answer(tmp_path: Path, house: Installation, bank: Bank, fault: str) -> None:
    """kill -9 while the file is on its way: the resumed run looks first, hands in nothing a second time, and reads the answer."""
    sheet = tmp_path / "faturas.csv"
    write_invoices(sheet, ["K-1", "K-2"])
    bank.faults({"at": f"POST {bank.press}", "kind": fault, "seconds": 3})
    parameters = (f"--param=sheet={sheet}", f"--param=credential={bank.credential}")
    process = house.start_process("run", "start", "issue_boletos", *parameters)
    database = tmp_path / "house" / "state" / "retaguarda.db"
    with process:
        wait_until(database.exists, process)
        wait_until(lambda: bool(house.query("select 1 from sqlite_master where name = 'store_intent'")), process)
        wait_until(lambda: house.query("select count(*) from store_intent") == [(1,)] and bank.sandbox.fired(bank.name) == [1], process)
        process.send_signal(signal.SIGKILL)
    assert house.query("select state from store_remittance") == [("MADE",)]

    told = house.resume(only_run(house))
    assert told.exit_code == 0
    assert bank.registered() == {"K-1": "", "K-2": ""}
    assert len(bank.remessas()) == 1
    assert house.query("select state, protocol from store_remittance") == [("SENT", bank.remessas()[0]["protocol"])]
    # the resumed run's sign-in ends the session of the killed one: a request that the bank has not worked on by then counts for nothing
    ends = [state for (state,) in house.query("select state from store_intent order by attempt")]
    assert ends in (["DONE"], ["ABSENT", "DONE"])
    assert bank.presses() == len(ends)

    on(house, bank, NEXT_DAY)
    answered = house.run("confirm_boletos", credential=bank.credential)
    assert (answered.exit_code, answered.root["result"]["confirmed"], answered.root["result"]["breaks"]) == (0, 2, 0)


@pytest.mark.thorough
def test_another_sheet_cannot_take_an_invoice_whose_remessa_is_not_proven(tmp_path: Path, house: Installation, bank: Bank) -> None:
    sheet, other = tmp_path / "faturas.csv", tmp_path / "outras.csv"
    write_invoices(sheet, ["U-1", "U-2"])
    write_invoices(other, ["U-2", "U-3"])
    bank.faults(
        {"at": f"POST {bank.press}", "kind": "die-after-commit"},
        {"at": "GET /cobranca/remessas", "kind": "maintenance", "skip": 1, "times": 0},
    )
    assert issue(house, sheet).exit_code == 5
    bank.faults()
    second = issue(house, other)
    assert second.items("issue_boletos")["boleto U-2"]["code"] == "conflict"
    assert bank.registered() == {"U-1": "", "U-2": "", "U-3": ""}
    [first_run] = [row[0] for row in house.query("select run from store_remittance where state = 'MADE'")]
    assert house.resume(first_run).exit_code == 0
    assert house.query("select sequence, state from store_remittance order by sequence") == [(42, "SENT"), (43, "SENT")]
    assert bank.presses() == 2


@pytest.mark.thorough
def test_a_swallowed_remessa_is_handed_in_again_after_the_quiet_period(tmp_path: Path, house: Installation, bank: Bank) -> None:
    sheet = tmp_path / "faturas.csv"
    write_invoices(sheet, ["S-1"])
    bank.faults({"at": f"POST {bank.press}", "kind": "swallow"})
    assert issue(house, sheet).exit_code == 0
    assert house.query("select state from store_intent order by attempt") == [("ABSENT",), ("DONE",)]
    assert [row["sequence"] for row in bank.truth()["remessas"]] == [41, 42]


@pytest.mark.thorough
@pytest.mark.parametrize("bank", ["bank_jatoba"], indirect=True)
def test_a_number_that_another_channel_used_ends_as_refused(tmp_path: Path, house: Installation, bank: Bank) -> None:
    """The bank says no after the button, and its list does not show why: once it is proven not to hold the file, that was a refusal."""
    settings = bank.sandbox.state / "portals.toml"
    right = settings.read_text("utf-8")
    settings.write_text(right.replace("first_sequence = 208", "first_sequence = 100"), "utf-8")
    sheet = tmp_path / "faturas.csv"
    write_invoices(sheet, ["N-1"])
    done = issue(house, sheet, bank.credential)
    assert done.exit_code == 1
    item = done.items("issue_boletos")[f"{bank.account} NSA 000100"]
    assert item["code"] == "refused"
    assert "já recebido" in item["reason"]
    assert house.query("select attempt, state from store_intent") == [(1, "REFUSED")]
    assert (bank.remessas(), bank.presses()) == ([], 1)

    settings.write_text(right, "utf-8")
    assert issue(house, sheet, bank.credential).exit_code == 0
    assert [row["sequence"] for row in bank.remessas()] == [208]


@pytest.mark.thorough
def test_a_dry_run_gives_no_number_away(tmp_path: Path, house: Installation, bank: Bank) -> None:
    sheet = tmp_path / "faturas.csv"
    write_invoices(sheet, ["D-1"])
    done = house.command("run", "start", "issue_boletos", f"--param=sheet={sheet}", "--dry-run", "--json")
    assert Told.of(done).root["items"][-1]["outcome"] == "planned"
    assert (bank.presses(), house.query("select count(*) from store_remittance")) == (0, [(0,)])


@pytest.mark.thorough
def test_a_plan_is_approved_by_a_second_person_and_the_same_file_goes_out(tmp_path: Path, house: Installation, bank: Bank) -> None:
    house.settings["RETAGUARDA_APPROVALS__PROCESSES"] = '["issue_boletos"]'
    sheet = tmp_path / "faturas.csv"
    write_invoices(sheet, ["A-1", "A-2"])
    asked = issue(house, sheet)
    assert asked.exit_code == 7
    assert bank.presses() == 0
    [(number, digest)] = house.query("select id, digest from store_request")
    house.settings["RETAGUARDA_ACTOR"] = "segunda.pessoa"
    approved = house.command("request", "approve", str(number))
    assert approved.returncode == 0, approved.stderr
    told = house.resume(only_run(house))
    assert told.exit_code == 0
    assert [row[0] for row in house.query("select digest from store_request")] == [digest]
    assert house.query("select sequence, state from store_remittance") == [(42, "SENT")]


@pytest.mark.thorough
def test_a_code_that_only_a_person_reads_parks_the_run_until_it_is_answered(tmp_path: Path, house: Installation, bank: Bank) -> None:
    house.settings["RETAGUARDA_PORTALS__BANK_IPE__CHALLENGE_SECONDS"] = "1"
    sheet = tmp_path / "faturas.csv"
    write_invoices(sheet, ["C-1"])
    bank.faults({"at": "POST /acesso/senha", "kind": "ask-code", "times": 0})
    parked = issue(house, sheet)
    assert parked.exit_code == 7
    [(number, state)] = house.query("select id, state from store_request")
    assert state == "OPEN"
    code = bank.truth()["codes"][-1]["code"]
    with house.start_process("request", "answer", str(number), "--stdin", stdin=True) as typing:
        typing.communicate(f"{code}\n", timeout=60)
    assert typing.returncode == 0
    assert house.resume(only_run(house)).exit_code == 0
    assert bank.presses() == 1
    assert len(bank.truth()["codes"]) == 1
