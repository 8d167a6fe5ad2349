"""A desk with a real robot in a real browser: signing in, losing the session, wrong passwords, crashes, one press an act."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error

from retaguarda.act import OutcomeKind
from retaguarda.ends import exit_code
from retaguarda.errors import BrowserCrashed, ConfigurationError, LeaseHeld, StoreUnavailable
from retaguarda.portal.browser import translated
from retaguarda.process import Process
from retaguarda.run import Run
from retaguarda.store.models import Evidence, Intent, Item, OutboxEvent, RunRecord, SignIn
from tests.core.toy.portal import PASSWORD, ToyPortal, running_toy
from tests.core.toy.robot import Registers, ToyRobot
from tests.house import House, SetClock, Thing

pytestmark = pytest.mark.browser
ON_BOTH = pytest.mark.parametrize("house", ["store", "postgres_store"], indirect=True)
THINGS = [Thing("R-0"), Thing("R-1")]


@pytest.fixture
def house(request: pytest.FixtureRequest, clock: SetClock, chromium: Browser, tmp_path: Path) -> Iterator[House]:
    """The house with a browser that stays open from test to test; over a file, or where a test asks for both, over a server."""
    request.getfixturevalue(getattr(request, "param", "store"))
    with House.over(tmp_path / "home", clock, chromium) as house:
        yield house


@pytest.fixture
def toy(house: House) -> Iterator[ToyPortal]:
    """The toy portal, configured in the house with the right password."""
    with running_toy() as portal:
        house.portal("toy", ToyRobot, portal.pages.url, {"user": "robo", "password": PASSWORD})
        yield portal


def register(things: list[Thing] | None = None) -> Process:
    def registers(run: Run) -> None:
        with run.robot("toy/robo", Registers) as robot:  # type: ignore[type-abstract]
            for thing in run.pending(things or THINGS):
                with run.item(thing):
                    run.ensure("register", thing, robot.find, robot.draft)

    return Process("registers", registers)


def carried_out(house: House, process: Process | None = None, **options: Any) -> RunRecord:
    made = process or register()
    return house.runner(made).start(made.name, {}, **options)


def ends(run: RunRecord) -> dict[str, str]:
    return {item.reference: item.outcome or item.state for item in run.items.order_by("id")}


def told() -> list[str]:
    return [event.line["action"] for event in OutboxEvent.objects.order_by("id")]


@pytest.mark.one_store
@ON_BOTH
def test_things_are_registered_once_and_a_second_run_presses_nothing(house: House, toy: ToyPortal) -> None:
    run = carried_out(house)
    assert (run.state, ends(run)) == ("SUCCESSFUL", {"R-0": "done", "R-1": "done"}), run.error
    assert toy.held == [("R-0", "10"), ("R-1", "10")]
    assert [item.protocol for item in run.items.order_by("id")] == ["P-1", "P-2"]
    labels = list(Evidence.objects.order_by("id").values_list("label", flat=True))
    assert labels[:2] == ["register R-0: form before the button", "register R-0: receipt"]
    assert Intent.objects.get(reference="R-0").picture == Evidence.objects.order_by("id")[0].sha256
    again = carried_out(house)
    assert (again.state, ends(again)) == ("SUCCESSFUL", {"R-0": "already", "R-1": "already"})
    assert toy.pages.asked["POST /act"] == 2
    assert {"credential.used", "portal.signed_in", "act.intent", "act.done"} <= set(told())


def test_a_dry_run_presses_nothing(house: House, toy: ToyPortal) -> None:
    run = carried_out(house, dry_run=True)
    assert (run.state, set(ends(run).values()), toy.pages.asked["POST /act"]) == ("SUCCESSFUL", {str(OutcomeKind.PLANNED)}, 0)


@ON_BOTH
def test_a_wrong_password_is_tried_once_and_not_again_until_it_is_corrected(house: House, toy: ToyPortal, clock: SetClock) -> None:
    house.vault.put("toy/robo", {"user": "robo", "password": "canary-wrong-1"})
    for _ in range(2):
        run = carried_out(house)
        clock.advance(60)
        assert run.error is not None
        assert (run.state, run.error["code"], exit_code([run])) == ("FAULTED", "credential-refused", 3)
    assert toy.sign_ins == ["robo"]
    assert "retaguarda vault set toy/robo" in run.error["remedy"]
    assert (SignIn.objects.get().text, Evidence.objects.get().label) == ("Usuário ou senha inválidos", "sign-in refused")
    SignIn.objects.update(cleared_at=clock.now())
    house.vault.put("toy/robo", {"user": "robo", "password": PASSWORD})
    assert carried_out(house).state == "SUCCESSFUL"
    assert len(toy.sign_ins) == 2


def test_a_refused_password_is_remembered_even_without_a_picture(house: House, toy: ToyPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    house.vault.put("toy/robo", {"user": "robo", "password": "canary-wrong-2"})

    def full(*_: object) -> str:
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(house.services.evidence, "keep", full)
    for _ in range(2):
        run = carried_out(house)
        assert run.error is not None
        assert run.error["code"] == "credential-refused"
    assert toy.sign_ins == ["robo"]


@pytest.mark.one_store
@ON_BOTH
def test_a_lost_session_is_renewed_once_an_item(house: House, toy: ToyPortal) -> None:
    toy.misbehave("GET /list", toy.drop_sessions)
    run = carried_out(house)
    assert (run.state, set(ends(run).values()), len(toy.sign_ins)) == ("SUCCESSFUL", {"done"}, 2)
    assert len(toy.held) == 2
    toy.misbehave("GET /list", *[toy.drop_sessions] * 9)
    lost = carried_out(house)
    assert lost.error is not None
    assert (lost.state, lost.error["code"], exit_code([lost])) == ("FAULTED", "session-lost", 75)
    toy.misbehave("GET /list")
    assert house.runner(register()).resume(lost).state == "SUCCESSFUL"
    assert len(toy.held) == 2


def test_a_session_lost_before_the_button_presses_nothing_twice(house: House, toy: ToyPortal) -> None:
    toy.misbehave("GET /new", toy.drop_sessions)
    run = carried_out(house)
    assert (run.state, toy.held) == ("SUCCESSFUL", [("R-1", "10"), ("R-0", "10")])
    assert toy.pages.asked["POST /act"] == 2


def test_a_password_that_is_refused_when_the_session_is_renewed_ends_the_run_and_is_remembered(house: House, toy: ToyPortal) -> None:
    def lose_and_lock(exchange: Any) -> None:
        house.vault.put("toy/robo", {"user": "robo", "password": "canary-wrong-3"})
        toy.misbehave("POST /login", lambda e: e.send(_refusal()))
        toy.drop_sessions(exchange)

    toy.misbehave("GET /list", lose_and_lock)
    run = carried_out(house)
    assert run.error is not None
    assert (run.state, run.error["code"]) == ("FAULTED", "credential-refused")
    assert Item.objects.get(reference="R-0").state == "FAILED_APPLICATION"
    assert list(SignIn.objects.order_by("id").values_list("state", flat=True)) == ["ACCEPTED", "REFUSED"]


def _refusal() -> str:
    from tests.core.toy.portal import _login

    return _login('<div role="alert">Usuário ou senha inválidos</div>')


def test_an_act_that_the_portal_refuses_is_recorded_in_its_words(house: House, toy: ToyPortal) -> None:
    run = carried_out(house, register([Thing("R-0", "inativo"), Thing("R-1")]))
    assert (run.state, ends(run)) == ("PARTIAL", {"R-0": "refused", "R-1": "done"})
    assert run.items.get(reference="R-0").reason == "O perfil está inativo"
    again = carried_out(house, register([Thing("R-0", "inativo")]))
    assert ends(again) == {"R-0": "refused_before"}
    assert toy.pages.asked["POST /act"] == 2


def test_a_cut_answer_is_verified_and_one_that_is_lost_comes_again_after_the_quiet_period(house: House, toy: ToyPortal) -> None:
    toy.misbehave("POST /act", toy.cut_after_commit, lambda exchange: exchange.cut())
    before = house.services.clock.monotonic()
    run = carried_out(house)
    assert (run.state, set(ends(run).values())) == ("SUCCESSFUL", {"done"})
    assert sorted(toy.held) == [("R-0", "10"), ("R-1", "10")]
    assert toy.pages.asked["POST /act"] == 3
    assert house.services.clock.monotonic() - before >= 150
    assert list(Intent.objects.filter(reference="R-1").order_by("attempt").values_list("state", flat=True)) == ["ABSENT", "DONE"]


def test_a_configured_quiet_period_beats_the_manifests(house: House, toy: ToyPortal) -> None:
    house.portal("toy", ToyRobot, toy.pages.url, {"user": "robo", "password": PASSWORD}, quiet_seconds=20)
    toy.misbehave("POST /act", lambda exchange: exchange.cut())
    before = house.services.clock.monotonic()
    assert carried_out(house).state == "SUCCESSFUL"
    assert 20 <= house.services.clock.monotonic() - before < 60


def test_a_clock_that_was_set_during_the_run_is_not_trusted_with_an_intent(house: House, toy: ToyPortal, clock: SetClock) -> None:
    def registers(run: Run) -> None:
        with run.robot("toy/robo", Registers) as robot, run.item(THINGS[0]):  # type: ignore[type-abstract]
            clock.set_wall(-3600)
            run.ensure("register", THINGS[0], robot.find, robot.draft)

    run = carried_out(house, Process("registers", registers))
    assert run.error is not None
    assert (run.state, exit_code([run])) == ("FAULTED", 75)
    assert "clock was set" in run.error["text"]
    assert (toy.pages.asked["POST /act"], Intent.objects.count()) == (0, 0)


def test_a_nearly_full_disk_presses_nothing(house: House, toy: ToyPortal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retaguarda.run.MIN_FREE_BYTES", 1 << 60)
    run = carried_out(house)
    assert run.error is not None
    assert "disk is nearly full" in run.error["text"]
    assert toy.pages.asked["POST /act"] == 0


def test_errors_of_the_browsers_library_that_a_robot_lets_slip_end_as_ours(house: House, toy: ToyPortal) -> None:
    def slips(run: Run) -> None:
        with run.robot("toy/robo", Registers) as robot:  # type: ignore[type-abstract]
            for thing in run.pending(THINGS[:1]):
                with run.item(thing):
                    robot.session.page.locator("#nowhere").click(timeout=50)  # type: ignore[attr-defined]

    run = carried_out(house, Process("slips", slips))
    assert run.error is not None
    assert (run.state, run.error["code"], ends(run)) == ("FAULTED", "portal-changed", {"R-0": "FAILED_APPLICATION"})
    assert "failure: portal-changed" in Evidence.objects.values_list("label", flat=True)
    assert isinstance(translated(Error("Target closed"), "x"), BrowserCrashed)


@ON_BOTH
def test_one_robot_at_a_time_and_one_session_a_credential(house: House, toy: ToyPortal) -> None:
    def nests(run: Run) -> None:
        with run.robot("toy/robo", Registers), run.robot("toy/robo", Registers):  # type: ignore[type-abstract]
            raise AssertionError

    run = carried_out(house, Process("nests", nests))
    assert run.error is not None
    assert run.error["code"] == "configuration-error"
    with house.services.locks.hold("credential/toy/robo"):
        held = carried_out(house)
    assert held.error is not None
    assert held.error["code"] == LeaseHeld().code
    assert len(toy.sign_ins) == 1


class Unknown:
    """A capability that the toy robot does not declare."""


def test_what_is_not_configured_or_not_declared_is_a_wrong_configuration(house: House, toy: ToyPortal, tmp_path: Path) -> None:
    house.robots["other"] = ToyRobot
    for credential, capability in (("toy/robo", Unknown), ("other/robo", Registers), ("toy/nobody", Registers)):

        def opens(run: Run, credential: str = credential, capability: type[Any] = capability) -> None:
            with run.robot(credential, capability):
                raise AssertionError

        run = carried_out(house, Process("opens", opens))
        assert run.error is not None
        assert (run.error["code"], exit_code([run])) == (ConfigurationError().code, 3)
    assert toy.sign_ins == []


def test_an_act_needs_a_robot_at_work(house: House) -> None:
    from retaguarda.errors import PortalChanged

    with pytest.raises(PortalChanged, match="no robot is at work"):
        house.run().ensure("register", THINGS[0], lambda _: None, lambda _: None)  # type: ignore[arg-type,return-value]


def test_no_secret_stands_in_anything_that_a_run_leaves(house: House, toy: ToyPortal) -> None:
    toy.misbehave("GET /list", toy.drop_sessions)
    toy.misbehave("POST /login", lambda e: e.send(_refusal()))
    carried_out(house)
    house.services.desks.close()
    left = [path for path in house.home.rglob("*") if path.is_file() and path.name != "vault.json"]
    assert len(left) > 5
    for path in left:
        assert PASSWORD.encode() not in path.read_bytes(), path
