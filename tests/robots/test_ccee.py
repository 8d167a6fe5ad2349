"""The CCEE robot against the live sandbox in a real Chromium: it looks, fills, presses once, and tells what it saw."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from retaguarda.errors import (
    Conflict,
    CredentialRefused,
    DeadlinePassed,
    IncompleteDownload,
    InvalidItem,
    NotEntitled,
    OutcomeUnknown,
    PortalChanged,
    PortalError,
    PortalUnavailable,
    Refused,
    SessionLost,
)
from retaguarda.formats import ccee_export
from retaguarda.model.acts import Permit
from retaguarda.model.contracts import ContractState, HeldContract, Registration, Validation
from retaguarda.model.secrets import Credential, Secret
from retaguarda.model.values import Month
from retaguarda.portal.capabilities import ExportsContracts, RegistersContracts, ValidatesContracts
from robots.ccee import CceeRobot
from robots.ccee.pages import ContractsPage
from tests.sandbox_fixtures import SandboxProcess, eventually, robot_at, running_sandbox

pytestmark = pytest.mark.browser
OCTOBER = Month(2026, 10)
CONCLUDE = "POST /contratos/novo/concluir"
WANTED = Registration("BOL-T-0001", 86853, 70401, "NORTE", OCTOBER, Decimal("12.345678"), "Flat")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path_factory.mktemp("ccee")) as running:
        yield running


@pytest.fixture(scope="module")
def signed_in(sandbox: SandboxProcess, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CceeRobot]:
    with robot_at(sandbox, chromium, CceeRobot, tmp_path_factory.mktemp("downloads")) as robot:
        robot.sign_in(sandbox.credential("ccee/robo"))
        yield robot


@pytest.fixture
def robot(signed_in: CceeRobot, sandbox: SandboxProcess) -> Iterator[CceeRobot]:
    """The signed-in robot at a portal that behaves; what a test orders ends with it."""
    sandbox.faults("ccee")
    yield signed_in
    sandbox.faults("ccee")


@pytest.fixture
def impatient(robot: CceeRobot) -> Iterator[CceeRobot]:
    """The robot with less patience, for answers that never come."""
    robot.session.page.set_default_timeout(2_500)
    yield robot
    robot.session.page.set_default_timeout(robot.manifest().timeout_seconds * 1000)


def references(sandbox: SandboxProcess) -> list[str]:
    return [contract["reference"] for contract in sandbox.truth("ccee")["contracts"]]


def presses(sandbox: SandboxProcess) -> int:
    """How many registrations reached the portal, whatever came of them."""
    return int(sandbox.truth("ccee")["posts"].get("/contratos/novo/concluir", 0))


def press(robot: CceeRobot, wanted: Registration) -> Permit:
    """Draft and press; the permit tells whether the press left."""
    permit, form = Permit(wanted.reference, 1), robot.draft(wanted)
    assert form.shown() == wanted.fields()
    form.submit(permit)
    return permit


def bought(held: HeldContract) -> Validation:
    """What we as the buyer want of a contract that the seller registered: our reference is not his."""
    key = (held.seller_profile, held.buyer_profile, held.submarket, held.month)
    return Validation("BOL-C-0001", *key, held.mw_average, held.modulation)


def test_it_declares_what_it_does(robot: CceeRobot) -> None:
    assert isinstance(robot, RegistersContracts)
    assert isinstance(robot, ValidatesContracts)
    assert isinstance(robot, ExportsContracts)
    assert robot.manifest().capabilities == ("RegistersContracts", "ValidatesContracts", "ExportsContracts")


def test_find_draft_submit_verify(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    assert robot.find(WANTED) is None
    form = robot.draft(WANTED)
    assert form.shown() == WANTED.fields()
    assert WANTED.reference not in references(sandbox)
    receipt = form.submit(Permit(WANTED.reference, 1))
    found = robot.find(WANTED)
    assert found is not None
    assert (dict(found.fields), found.count, found.protocol) == (WANTED.fields(), 1, receipt.protocol)
    made = next(c for c in sandbox.truth("ccee")["contracts"] if c["reference"] == WANTED.reference)
    assert (made["protocol"], made["mw"]) == (receipt.protocol, "12.345678")


def test_a_contract_registered_before_is_found_with_its_values(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    held = next(c for c in sandbox.truth("ccee")["contracts"] if c["seller"] == 86853 and c["created_by"] == "seed")
    wanted = Registration(held["reference"], held["seller"], held["buyer"], held["submarket"], OCTOBER, Decimal(held["mw"]), "Flat")
    found = robot.find(wanted)
    assert found is not None
    assert dict(found.fields) == wanted.fields()


def test_the_same_key_under_another_reference_is_found(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    held = next(c for c in sandbox.truth("ccee")["contracts"] if c["seller"] == 86853 and c["created_by"] == "seed")
    wanted = Registration("BOL-OUTRA", held["seller"], held["buyer"], held["submarket"], OCTOBER, Decimal(1), "Flat")
    found = robot.find(wanted)
    assert found is not None
    assert found.reference == held["reference"]
    assert found.fields["mw_average"] == held["mw"] != wanted.fields()["mw_average"]
    with pytest.raises(Conflict, match=f"Já existe o contrato {held['code']}"):
        robot.draft(wanted)


def test_a_part_of_another_reference_is_not_that_reference(robot: CceeRobot) -> None:
    press(robot, replace(WANTED, reference="BOL-T-00021", buyer_profile=70402))
    assert robot.find(replace(WANTED, reference="BOL-T-0002", buyer_profile=70402, submarket="SUDESTE")) is None


def test_one_reference_registered_twice_counts_two(robot: CceeRobot) -> None:
    wanted = replace(WANTED, reference="BOL-T-0003", buyer_profile=70403)
    press(robot, wanted)
    press(robot, replace(wanted, submarket="SUL"))
    found = robot.find(wanted)
    assert found is not None
    assert found.count == 2
    assert found.reference == wanted.reference


def test_an_inactive_profile_is_refused_in_the_portals_words(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    wanted = replace(WANTED, reference="BOL-T-0004", buyer_profile=70408)
    with pytest.raises(Refused, match=r"O perfil comprador 70408 \(SERRA AZUL CL\) não está ativo na CCEE. Registro não permitido."):
        press(robot, wanted)
    assert wanted.reference not in references(sandbox)


def test_unknown_and_foreign_profiles_stop_before_the_button(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    before = presses(sandbox)
    with pytest.raises(Refused, match="Perfil 99999 não encontrado na CCEE"):
        robot.draft(replace(WANTED, buyer_profile=99999))
    with pytest.raises(NotEntitled, match="does not offer the seller profile 70401"):
        robot.draft(replace(WANTED, seller_profile=70401))
    assert presses(sandbox) == before


def test_no_press_leaves_without_a_permit(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    wanted = replace(WANTED, reference="BOL-T-0005", buyer_profile=70404)
    robot.draft(wanted)
    robot.session.page.get_by_role("button", name="Concluir registro").click()
    eventually(lambda: robot.session.gate.stopped == ["/contratos/novo/concluir"])
    assert wanted.reference not in references(sandbox)
    with pytest.raises(PortalChanged, match="without a permit"):
        robot.find(wanted)


def test_a_cut_answer_is_one_post_and_unknown(impatient: CceeRobot, sandbox: SandboxProcess) -> None:
    wanted = replace(WANTED, reference="BOL-T-0006", buyer_profile=70405)
    posts = presses(sandbox)
    sandbox.faults("ccee", {"at": CONCLUDE, "kind": "die-after-commit", "times": 0})
    with pytest.raises(OutcomeUnknown):
        press(impatient, wanted)
    assert presses(sandbox) == posts + 1
    found = impatient.find(wanted)
    assert found is not None
    assert (found.count, dict(found.fields)) == (1, wanted.fields())


def test_a_late_commit_is_unknown_then_absent_then_found(impatient: CceeRobot, sandbox: SandboxProcess) -> None:
    wanted = replace(WANTED, reference="BOL-T-0007", buyer_profile=70406)
    sandbox.faults("ccee", {"at": CONCLUDE, "kind": "late-commit", "seconds": 6})
    with pytest.raises(OutcomeUnknown):
        press(impatient, wanted)
    assert impatient.find(wanted) is None
    eventually(lambda: wanted.reference in references(sandbox))
    assert impatient.find(wanted) is not None


def test_a_swallowed_form_gives_a_receipt_and_no_contract(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    wanted = replace(WANTED, reference="BOL-T-0008", buyer_profile=70407)
    sandbox.faults("ccee", {"at": CONCLUDE, "kind": "swallow"})
    assert press(robot, wanted).used
    assert robot.find(wanted) is None


@pytest.mark.parametrize(
    ("kind", "value", "submarket"),
    [("error-500", "", "SUL"), ("error-500", "after", "NORDESTE"), ("maintenance", "", "NORTE"), ("drop-session", "", "SUDESTE")],
)
def test_a_press_without_a_clear_answer_is_unknown(
    robot: CceeRobot, sandbox: SandboxProcess, kind: str, value: str, submarket: str
) -> None:
    wanted = replace(WANTED, reference=f"BOL-T-0009-{submarket}", buyer_profile=70412, submarket=submarket)
    form, permit = robot.draft(wanted), Permit(wanted.reference, 1)
    sandbox.faults("ccee", {"at": CONCLUDE, "kind": kind, "value": value})
    with pytest.raises(OutcomeUnknown):
        form.submit(permit)
    assert permit.used
    if kind == "drop-session":
        with pytest.raises(SessionLost):
            robot.find(wanted)
        robot.sign_in(sandbox.credential("ccee/robo"))
    assert (robot.find(wanted) is not None) == (value == "after")


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ({"kind": "maintenance"}, PortalUnavailable),
        ({"kind": "error-500"}, PortalError),
        ({"kind": "rename-heading", "value": "Meus contratos"}, PortalChanged),
        ({"kind": "duplicate-rows", "skip": 1}, PortalChanged),
    ],
)
def test_what_is_no_list_is_no_absence(robot: CceeRobot, sandbox: SandboxProcess, order: dict[str, Any], error: type[Exception]) -> None:
    held = next(c for c in sandbox.truth("ccee")["contracts"] if c["seller"] == 86853)
    sandbox.faults("ccee", {"at": "GET /contratos", **order})
    with pytest.raises(error):
        robot.find(replace(WANTED, reference=held["reference"]))
    assert sandbox.fired("ccee") == [1]


def test_a_list_that_ignores_its_filter_is_noticed(robot: CceeRobot) -> None:
    robot.session.goto("/contratos")
    with pytest.raises(PortalChanged, match="the list is filtered by Referência '' instead of 'BOL-T-0001'"):
        ContractsPage(robot.session).prove().asked({"Referência": "BOL-T-0001"})


def test_a_renamed_step_stops_the_wizard_before_the_button(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    before = presses(sandbox)
    sandbox.faults("ccee", {"at": "GET /contratos/novo/montantes", "kind": "rename-heading", "value": "Volumes"})
    with pytest.raises(PortalChanged, match="expected 'Novo contrato – Montantes', found 'Volumes'"):
        robot.draft(replace(WANTED, reference="BOL-T-0010"))
    assert presses(sandbox) == before


def test_the_survey_is_put_away(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    sandbox.faults("ccee", {"at": "GET /contratos/novo/m*", "kind": "popup", "times": 0})
    wanted = replace(WANTED, reference="BOL-T-0011", submarket="SUL", buyer_profile=70406)
    assert robot.draft(wanted).shown() == wanted.fields()
    assert sandbox.fired("ccee") == [2]


def test_a_stale_list_shows_nothing_new(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    wanted = replace(WANTED, reference="BOL-T-0012", submarket="NORDESTE", buyer_profile=70406)
    press(robot, wanted)
    sandbox.faults("ccee", {"at": "GET /contratos", "kind": "stale-list", "seconds": 120, "times": 0})
    assert robot.find(wanted) is None
    sandbox.faults("ccee")
    assert robot.find(wanted) is not None


def test_every_page_of_a_list_is_read(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    september = Month(2026, 9)
    with closing(sqlite3.connect(sandbox.state / "ccee.sqlite")) as truth, truth:
        for number in range(45):
            row = (1_500_000 + number, f"CV-SET-{number:03d}", 70411, 86853, "SUL", str(september), f"{number}.5", "Flat", "NAO_VALIDADO")
            truth.execute("insert into contracts values (?, ?, ?, ?, ?, ?, ?, ?, ?, '2026', '', '2026-10-05T09:00:00-03:00', 'seed')", row)
    pending = robot.pending_validations(september)
    assert sorted(held.reference for held in pending) == [f"CV-SET-{number:03d}" for number in range(45)]
    assert {held.mw_average for held in pending} == {Decimal(number) + Decimal("0.5") for number in range(45)}
    sandbox.faults("ccee", {"at": "GET /validacoes", "kind": "duplicate-rows", "skip": 2})
    with pytest.raises(PortalChanged, match="states 45 contracts and shows 46 rows of 45"):
        robot.pending_validations(september)


def test_validate_what_is_pending_and_equal(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    pending = robot.pending_validations(OCTOBER)
    waiting = {c["code"] for c in sandbox.truth("ccee")["contracts"] if c["state"] == "NAO_VALIDADO" and c["buyer"] in (86853, 86854)}
    assert {int(held.code) for held in pending if held.month == OCTOBER} == {code for code in waiting if code >= 1_600_000}
    wanted = bought(pending[0])
    assert robot.find_validation(wanted) is None
    form = robot.draft_validation(wanted)
    assert form.shown() == wanted.fields() | {"reference": pending[0].reference}
    receipt = form.submit(Permit(wanted.reference, 1))
    made = next(c for c in sandbox.truth("ccee")["contracts"] if c["code"] == int(pending[0].code))
    assert (made["state"], made["validation"]) == ("VALIDADO", receipt.protocol)
    found = robot.find_validation(wanted)
    assert found is not None
    assert (dict(found.fields), found.count) == (wanted.fields() | {"reference": pending[0].reference}, 1)


def test_a_pending_montante_with_other_values_is_shown_as_it_is(robot: CceeRobot) -> None:
    held = robot.pending_validations(OCTOBER)[1]
    wanted = replace(bought(held), mw_average=held.mw_average + 1)
    found = robot.find_validation(wanted)
    assert found is not None
    assert found.fields["mw_average"] == f"{held.mw_average:.6f}"
    assert robot.draft_validation(wanted).shown()["mw_average"] == f"{held.mw_average:.6f}"


def test_nothing_registered_is_nothing_to_validate(robot: CceeRobot) -> None:
    wanted = Validation("BOL-C-0002", 70401, 86853, "SUL", OCTOBER, Decimal(1), "Flat")
    assert robot.find_validation(wanted) is None
    with pytest.raises(InvalidItem, match="the seller has registered nothing to validate for BOL-C-0002"):
        robot.draft_validation(wanted)


def test_the_export_is_whole_and_readable(robot: CceeRobot, sandbox: SandboxProcess) -> None:
    download = robot.export(OCTOBER)
    held = [c for c in sandbox.truth("ccee")["contracts"] if c["month"] == "2026-10"]
    read = ccee_export.read(download.read_bytes())
    assert (len(read.contracts), read.quarantine) == (len(held), ())
    assert {int(c.code): f"{c.mw_average:.6f}" for c in read.contracts} == {c["code"]: c["mw"] for c in held}
    assert {c.state for c in read.contracts} == {ContractState.UNVALIDATED, ContractState.VALIDATED}


@pytest.mark.parametrize("value", ["", "empty"])
def test_half_an_export_is_no_export(robot: CceeRobot, sandbox: SandboxProcess, value: str) -> None:
    sandbox.faults("ccee", {"at": "GET /contratos/exportar/arquivo/*", "kind": "truncate-download", "value": value})
    with pytest.raises(IncompleteDownload):
        robot.export(OCTOBER)


def test_a_wrong_password_is_tried_once(sandbox: SandboxProcess, chromium: Browser, tmp_path: Path) -> None:
    before = sandbox.truth("ccee")["sign_ins"].get("wrong-password", 0)
    wrong = Credential("ccee/robo", sandbox.credential("ccee/robo").user, {"password": Secret("errada")})
    with robot_at(sandbox, chromium, CceeRobot, tmp_path) as robot, pytest.raises(CredentialRefused, match="Usuário ou senha inválidos"):
        robot.sign_in(wrong)
    assert sandbox.truth("ccee")["sign_ins"]["wrong-password"] == before + 1


def test_after_the_deadline_the_portal_says_until_when(chromium: Browser, tmp_path: Path) -> None:
    with running_sandbox(tmp_path / "state") as sandbox, robot_at(sandbox, chromium, CceeRobot, tmp_path / "files") as robot:
        robot.sign_in(sandbox.credential("ccee/robo"))
        form = robot.draft(WANTED)
        sandbox.set_clock("ccee", "2026-11-11T09:10:00-03:00")
        with closing(sqlite3.connect(sandbox.state / "ccee.sqlite")) as truth, truth:
            truth.execute("update deadlines set at = '2026-11-11T09:05:00-03:00' where event = 'registro'")
        with pytest.raises(DeadlinePassed, match=r"Prazo de registro para 10/2026 encerrado em 11/11/2026 09:05."):
            form.submit(Permit(WANTED.reference, 1))
        assert sandbox.truth("ccee")["registered"] == 0
        robot.sign_out()
        with pytest.raises(SessionLost):
            robot.find(WANTED)
