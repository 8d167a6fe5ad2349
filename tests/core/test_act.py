"""The act protocol, branch by branch: what it finds, what it presses, what it refuses to press, and what it records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from django.db import DatabaseError, connection, transaction

from retaguarda.act import MAX_SWALLOWED, MAX_UNREADABLE, ActProtocol, Outcome, OutcomeKind, QuietPeriod, digest_of
from retaguarda.errors import (
    BrowserCrashed,
    BusinessError,
    Conflict,
    InvalidItem,
    LeaseHeld,
    LeaseLost,
    NotEntitled,
    OutcomeUnknown,
    PortalChanged,
    PortalUnavailable,
    Refused,
    RetaguardaError,
    SessionLost,
    StopRequested,
    StoreUnavailable,
)
from retaguarda.jobs.journal import PERMIT_SECONDS, ActKey
from retaguarda.model.acts import Found, Permit, Receipt
from retaguarda.redaction import redactor
from retaguarda.store.models import Intent, IntentState, OutboxEvent
from tests.house import Form, House, SetClock, Thing, found

QUIET = 150.0
WANTED = Thing("R-1")
DONE, ALREADY = Outcome(OutcomeKind.DONE, "P-1"), Outcome(OutcomeKind.ALREADY, "P-1")
Look = Found | None | RetaguardaError


@dataclass
class Scene:
    """A portal for one act: the looks it will give, one after the other (the last for ever), and the form."""

    protocol: ActProtocol
    clock: SetClock
    looks: list[Look] = field(default_factory=lambda: [None])
    form: Form = field(default_factory=lambda: Form(WANTED.fields()))
    pictures: list[str] = field(default_factory=list)
    asked: int = 0

    def find(self, wanted: Thing) -> Found | None:
        self.asked += 1
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, RetaguardaError):
            raise look
        return look

    def draft(self, wanted: Thing) -> Form:
        return self.form

    def ensure(self, wanted: Thing = WANTED, **changes: object) -> Outcome:
        return replace(self.protocol, **changes).ensure("register", wanted, self.find, self.draft)  # type: ignore[arg-type]

    def says(self, *looks: Look) -> Scene:
        self.looks = list(looks)
        return self

    def answers(self, answer: RetaguardaError | Receipt, *, spends: bool = True) -> Scene:
        """What the button brings: a receipt, or an error."""

        def press() -> Receipt:
            if isinstance(answer, RetaguardaError):
                raise answer
            return answer

        self.form.press, self.form.spends = press, spends
        return self


@pytest.fixture
def house(any_house: House) -> House:
    """What is tried here is tried on both kinds of store."""
    return any_house


@pytest.fixture
def scene(house: House, clock: SetClock) -> Scene:
    pictures: list[str] = []

    def shot(label: str) -> str:
        pictures.append(label)
        return "f" * 64

    services = house.services
    protocol = ActProtocol(house.record(), "ccee", QUIET, services.journal, services.locks, clock, shot, may_press=lambda: None)
    return Scene(protocol, clock, pictures=pictures)


def intents() -> list[tuple[int, str]]:
    """Attempt and state of every intent."""
    return [(intent.attempt, intent.state) for intent in Intent.objects.order_by("id")]


def told() -> list[str]:
    """What the audit log was told of acts."""
    return [event.line["action"] for event in OutboxEvent.objects.order_by("id") if event.line["action"].startswith("act.")]


def orphan(scene: Scene) -> None:
    """An intent whose owner died between the intent and the answer."""
    protocol = scene.protocol
    protocol.journal.intend(protocol.run, key_of(protocol), digest_of(WANTED.fields()), WANTED.fields(), "f" * 64)


def key_of(protocol: ActProtocol) -> ActKey:
    return ActKey(protocol.portal, "register", WANTED.reference)


# --- before the button --------------------------------------------------------------------------------------------------


def test_what_is_there_and_equal_is_left_alone(scene: Scene) -> None:
    assert scene.says(found(WANTED, "P-1")).ensure() == ALREADY
    assert (scene.form.presses, intents(), told()) == (0, [], [])


@pytest.mark.parametrize("held", [found(Thing("R-1", "11"), "P-1"), found(WANTED, count=2), Found("R-1", {"reference": "R-1"})])
def test_what_is_there_otherwise_or_more_than_once_is_a_conflict(scene: Scene, held: Found) -> None:
    with pytest.raises(Conflict):
        scene.says(held).ensure()
    assert (scene.form.presses, intents()) == (0, [])


def test_an_absence_that_is_not_proven_presses_nothing(scene: Scene) -> None:
    for error in (SessionLost(), PortalUnavailable(), PortalChanged(), BrowserCrashed()):
        with pytest.raises(type(error)):
            scene.says(error).ensure()
    assert (scene.form.presses, intents()) == (0, [])


def test_a_dry_run_looks_and_presses_nothing(scene: Scene) -> None:
    assert scene.ensure(dry_run=True) == Outcome(OutcomeKind.PLANNED)
    assert scene.says(found(WANTED, "P-1")).ensure(dry_run=True) == ALREADY
    assert (scene.form.presses, intents()) == (0, [])


@pytest.mark.parametrize("shown", [{}, {"reference": "R-1", "value": "100"}, {"reference": "R-2", "value": "10"}, {"reference": "R-1"}])
def test_a_form_that_shows_something_else_is_not_pressed(scene: Scene, shown: dict[str, str]) -> None:
    scene.form.fields = shown
    with pytest.raises(PortalChanged, match="does not show what was wanted"):
        scene.ensure()
    assert (scene.form.presses, intents()) == (0, [])


def test_a_stop_comes_before_the_button(scene: Scene) -> None:
    def stop() -> None:
        raise StopRequested

    with pytest.raises(StopRequested):
        scene.ensure(may_press=stop)
    assert (scene.form.presses, intents()) == (0, [])


def test_without_a_picture_nothing_is_pressed(scene: Scene) -> None:
    def shot(label: str) -> str:
        raise StoreUnavailable("disk full")

    with pytest.raises(StoreUnavailable):
        scene.ensure(shot=shot)
    assert (scene.form.presses, intents()) == (0, [])


@contextmanager
def failing(*words: str) -> Iterator[None]:
    """The database refuses every statement with these words."""

    def wrapper(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if all(word in sql for word in words):
            raise DatabaseError("disk I/O error")
        return execute(sql, *rest)

    with connection.execute_wrapper(wrapper):
        yield


@pytest.mark.parametrize("words", [("INSERT", "store_intent"), ("INSERT", "store_outboxevent")])
def test_without_a_durable_intent_and_its_event_nothing_is_pressed(scene: Scene, words: tuple[str, ...]) -> None:
    with failing(*words), pytest.raises(StoreUnavailable, match="nothing is pressed"):
        scene.ensure()
    assert (scene.form.presses, intents(), told()) == (0, [], [])


def test_an_intent_is_never_part_of_a_greater_transaction(scene: Scene) -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        scene.ensure()
    assert scene.form.presses == 0


# --- the press ----------------------------------------------------------------------------------------------------------


def test_one_press_with_its_intent_before_and_its_proof_after(scene: Scene) -> None:
    seen_at_press: list[object] = []

    def press() -> Receipt:
        seen_at_press.extend([intents(), told(), connection.in_atomic_block])
        return Receipt("P-1")

    scene.form.press = press
    assert scene.says(None, found(WANTED)).ensure() == DONE
    assert seen_at_press == [[(1, "OPEN")], ["act.intent"], False]
    assert (scene.form.presses, intents(), told()) == (1, [(1, "DONE")], ["act.intent", "act.done"])
    assert scene.pictures == ["register R-1: form before the button", "register R-1: receipt"]
    kept = Intent.objects.get()
    assert (kept.protocol, kept.picture, kept.digest) == ("P-1", "f" * 64, digest_of(WANTED.fields()))
    assert scene.says(found(WANTED, "P-1")).ensure() == ALREADY
    assert scene.form.presses == 1


def test_what_was_proven_done_is_not_pressed_again_because_a_list_is_late(scene: Scene, clock: SetClock) -> None:
    scene.says(None, found(WANTED)).ensure()
    clock.advance(QUIET)
    with pytest.raises(Conflict, match=r"P-1.*no longer shows it"):
        scene.says(None).ensure()
    assert scene.form.presses == 1
    assert scene.says(None, found(WANTED)).ensure(retry_refused=True) == DONE


def test_a_list_that_may_be_late_is_waited_for_before_a_person_is_told_of_a_conflict(scene: Scene, clock: SetClock) -> None:
    scene.says(None, found(WANTED)).ensure()
    clock.advance(QUIET - 20)
    with pytest.raises(QuietPeriod, match=r"^done before, but not shown at the moment; looked up again after 20 s$") as late:
        scene.says(None).ensure()
    assert late.value.seconds_left == 20
    assert scene.says(found(WANTED, "P-1")).ensure() == ALREADY
    clock.reboot()
    with pytest.raises(Conflict, match="no longer shows it"):
        scene.says(None).ensure()
    assert scene.form.presses == 1


def test_an_attempt_that_another_process_judged_is_not_judged_anew(scene: Scene) -> None:
    """A process that stood still for minutes, and lost its locks, wakes with the portal's no in its hands."""
    scene.says(None, found(WANTED)).ensure()
    intent = Intent.objects.get()
    with pytest.raises(LeaseLost, match="taken over"):
        scene.protocol.journal.close(intent, IntentState.REFUSED, "no")
    assert intents() == [(1, "DONE")]


def test_a_permit_is_good_for_one_press() -> None:
    permit = Permit("R-1", 1)
    assert not permit.used
    permit.use()
    assert permit.used
    with pytest.raises(RuntimeError, match="used twice"):
        permit.use()


def test_a_robot_that_sends_twice_breaks_on_its_permit(scene: Scene) -> None:
    class Twice(Form):
        def submit(self, permit: Permit) -> Receipt:
            permit.use()
            permit.use()
            return Receipt("P-1")

    scene.form = Twice(WANTED.fields())
    with pytest.raises(RuntimeError, match="used twice"):
        scene.ensure()
    assert intents() == [(1, "OPEN")]


@pytest.mark.parametrize(("stood_still", "presses"), [(PERMIT_SECONDS - 1, 1), (PERMIT_SECONDS + 1, 0)])
def test_a_process_that_stood_still_between_intent_and_button_does_not_press(scene: Scene, stood_still: float, presses: int) -> None:
    """Its machine was suspended: another run may have seen the intent, waited, and found nothing at the portal."""

    class Suspended(Form):
        def submit(self, permit: Permit) -> Receipt:
            scene.clock.advance(stood_still)
            return super().submit(permit)

    scene.form = Suspended(WANTED.fields())
    scene.says(None, found(WANTED))
    if presses:
        assert scene.ensure().kind == DONE.kind
    else:
        with pytest.raises(LeaseLost, match="too much time passed before the button of R-1: nothing was pressed"):
            scene.ensure()
    assert (scene.form.presses, intents()) == (presses, [(1, "DONE" if presses else "NOT_SENT")])


@pytest.mark.parametrize("error", [PortalChanged("no button"), InvalidItem("no buyer"), SessionLost()])
def test_a_press_that_never_left_is_recorded_as_not_sent_and_may_be_tried_again(scene: Scene, error: RetaguardaError) -> None:
    with pytest.raises(type(error)):
        scene.answers(error, spends=False).ensure()
    assert intents() == [(1, "NOT_SENT")]
    assert scene.answers(Receipt("P-1")).says(None, found(WANTED)).ensure() == DONE
    assert intents() == [(1, "NOT_SENT"), (2, "DONE")]


def test_no_picture_of_the_receipt_changes_nothing_about_the_proof(scene: Scene) -> None:
    def shot(label: str) -> str:
        if "receipt" in label or "refused" in label:
            raise BrowserCrashed
        return "f" * 64

    assert scene.says(None, found(WANTED)).ensure(shot=shot) == DONE
    other = Thing("R-2")
    scene.form.fields = other.fields()
    with pytest.raises(Refused):
        scene.answers(Refused("Perfil inativo")).says(None).ensure(other, shot=shot)
    assert intents() == [(1, "DONE"), (1, "REFUSED")]


# --- the portal says no -------------------------------------------------------------------------------------------------


def refuse(scene: Scene, error: BusinessError | None = None) -> None:
    with pytest.raises(BusinessError):
        scene.answers(error or Refused("Perfil inativo")).says(None).ensure()


def test_a_refusal_is_recorded_in_the_portals_words(scene: Scene) -> None:
    refuse(scene)
    kept = Intent.objects.get()
    assert (kept.state, kept.text) == ("REFUSED", "Perfil inativo")
    event = OutboxEvent.objects.order_by("id").last()
    assert event is not None
    assert event.line["data"] | {"attempt": 0} == {"attempt": 0, "text": "Perfil inativo", "protocol": "", "picture": "f" * 64}


def test_what_was_refused_is_not_sent_again_unless_an_operator_asks_or_the_item_was_corrected(scene: Scene) -> None:
    refuse(scene)
    with pytest.raises(Refused, match="Perfil inativo") as raised:
        scene.ensure()
    assert raised.value.facts == {"earlier": True}
    assert scene.form.presses == 1
    refuse_again = replace(scene.protocol, retry_refused=True)
    with pytest.raises(Refused):
        refuse_again.ensure("register", WANTED, scene.find, scene.draft)
    assert scene.form.presses == 2
    corrected = Thing("R-1", "12")
    scene.form.fields = corrected.fields()
    assert scene.answers(Receipt("P-2")).says(None, found(corrected)).ensure(corrected).protocol == "P-2"
    assert intents() == [(1, "REFUSED"), (2, "REFUSED"), (3, "DONE")]


def test_what_was_refused_and_is_there_now_is_told_as_there(scene: Scene) -> None:
    refuse(scene)
    assert scene.says(found(WANTED, "P-1")).ensure() == ALREADY


def test_a_no_after_the_press_is_weighed_against_what_the_portal_holds(scene: Scene) -> None:
    """Chromium may send a POST twice: the first is accepted, the second refused as a duplicate."""
    assert scene.answers(Refused("Registro em duplicidade")).says(None, found(WANTED, "P-1")).ensure() == DONE
    assert intents() == [(1, "DONE")]


def test_that_the_portal_holds_it_already_is_no_refusal_until_it_was_looked_at(scene: Scene, clock: SetClock) -> None:
    with pytest.raises(QuietPeriod):
        scene.answers(Conflict("Já existe o contrato")).says(None).ensure()
    clock.advance(QUIET)
    assert scene.says(found(WANTED, "P-1")).ensure() == DONE
    assert (scene.form.presses, intents()) == (1, [(1, "DONE")])


@pytest.mark.parametrize("look", [None, PortalUnavailable(), found(Thing("R-1", "11"))])
def test_a_no_stands_when_the_portal_does_not_show_the_act(scene: Scene, look: Look) -> None:
    with pytest.raises(Refused, match="Perfil inativo"):
        scene.answers(Refused("Perfil inativo")).says(None, look).ensure()
    assert intents() == [(1, "REFUSED")]


# --- the outcome is unknown ---------------------------------------------------------------------------------------------


def press_into_the_dark(scene: Scene, look: Look = None) -> None:
    with pytest.raises(OutcomeUnknown):
        scene.answers(OutcomeUnknown("cut")).says(None, look).ensure()
    assert intents() == [(1, "UNCERTAIN")]


def test_a_cut_answer_whose_act_is_found_is_done_once_nothing_can_come_any_more(scene: Scene, clock: SetClock) -> None:
    """What is shown at once may be another hand's, and ours still on its way."""
    with pytest.raises(QuietPeriod, match=r"^shown, but the answer was lost; looked up again after 150 s, lest it come twice$"):
        scene.answers(BrowserCrashed()).says(None, found(WANTED, "P-1")).ensure()
    clock.advance(QUIET - 1)
    with pytest.raises(QuietPeriod, match="after 1 s"):
        scene.says(found(WANTED, "P-1")).ensure()
    clock.advance(1)
    assert scene.ensure() == DONE
    assert told() == ["act.intent", "act.uncertain", "act.orphan_seen", "act.done"]


def test_a_cut_answer_beside_another_hand_is_a_conflict(scene: Scene, clock: SetClock) -> None:
    with pytest.raises(QuietPeriod):
        scene.answers(BrowserCrashed()).says(None, found(WANTED, "P-1")).ensure()
    clock.advance(QUIET)
    with pytest.raises(Conflict, match="2 times"):
        scene.says(found(WANTED, count=2)).ensure()


def test_a_receipt_beside_another_protocol_is_no_proof_and_ends_as_a_conflict(scene: Scene, clock: SetClock) -> None:
    """A list that is behind may show another hand's registration alone."""
    with pytest.raises(QuietPeriod, match="sent, outcome unknown"):
        scene.says(None, found(WANTED, "H-9")).ensure()
    assert intents() == [(1, "UNCERTAIN")]
    clock.advance(QUIET)
    with pytest.raises(Conflict, match=r"^the portal shows protocol H-9, and not the P-1 that it gave us$"):
        scene.says(found(WANTED, "H-9")).ensure()
    assert intents() == [(1, "CONFLICT")]


def test_a_protocol_is_the_same_however_it_is_printed(scene: Scene) -> None:
    assert scene.says(None, found(WANTED, "p.001")).answers(Receipt("P-001")).ensure() == Outcome(OutcomeKind.DONE, "P-001")


def test_a_receipt_that_could_not_be_proven_is_done_as_soon_as_it_is_seen(scene: Scene) -> None:
    with pytest.raises(OutcomeUnknown, match="pressed, but not proven"):
        scene.says(None, PortalUnavailable()).ensure()
    assert scene.says(found(WANTED, "P-1")).ensure() == DONE


def test_a_receipt_without_proof_is_not_done(scene: Scene) -> None:
    with pytest.raises(QuietPeriod) as raised:
        scene.says(None).ensure()
    assert raised.value.seconds_left == QUIET
    assert intents() == [(1, "UNCERTAIN")]


@pytest.mark.parametrize("look", [PortalUnavailable(), SessionLost(), found(WANTED, count=2), found(Thing("R-1", "1")), NotEntitled()])
def test_a_press_whose_proof_cannot_be_read_is_uncertain(scene: Scene, look: Look) -> None:
    with pytest.raises(OutcomeUnknown, match="pressed, but not proven"):
        scene.says(None, look).ensure()
    assert intents() == [(1, "UNCERTAIN")]


def test_during_the_quiet_period_it_looks_and_does_not_press(scene: Scene, clock: SetClock) -> None:
    press_into_the_dark(scene)
    clock.advance(QUIET - 1)
    with pytest.raises(QuietPeriod) as raised:
        scene.says(None).ensure()
    assert raised.value.seconds_left == pytest.approx(1)
    assert scene.form.presses == 1


def test_after_the_quiet_period_proven_absence_is_pressed_again(scene: Scene, clock: SetClock) -> None:
    press_into_the_dark(scene)
    clock.advance(QUIET)
    assert scene.answers(Receipt("P-1")).says(None, None, found(WANTED)).ensure() == DONE
    assert (scene.form.presses, intents()) == (2, [(1, "ABSENT"), (2, "DONE")])


def test_the_quiet_period_of_an_orphan_counts_from_when_it_was_seen_and_only_once(scene: Scene, clock: SetClock) -> None:
    orphan(scene)
    clock.advance(10_000)  # nobody looked: the portal may have been told a moment before its owner died
    with pytest.raises(QuietPeriod) as raised:
        scene.says(None).ensure()
    assert raised.value.seconds_left == QUIET
    clock.advance(100)
    with pytest.raises(QuietPeriod) as raised:
        scene.ensure()
    assert raised.value.seconds_left == pytest.approx(50)
    assert scene.form.presses == 0


def test_setting_the_wall_clock_does_not_shorten_the_quiet_period(scene: Scene, clock: SetClock) -> None:
    press_into_the_dark(scene)
    clock.set_wall(3600)
    with pytest.raises(QuietPeriod) as raised:
        scene.says(None).ensure()
    assert raised.value.seconds_left == QUIET


def test_a_reboot_starts_the_quiet_period_anew_and_it_ends(scene: Scene, clock: SetClock) -> None:
    press_into_the_dark(scene)
    clock.reboot()
    clock.advance(100)
    with pytest.raises(QuietPeriod) as raised:
        scene.says(None).ensure()
    assert raised.value.seconds_left == QUIET
    clock.advance(QUIET)
    assert scene.answers(Receipt("P-1")).says(None, None, found(WANTED)).ensure() == DONE


def test_an_orphan_that_cannot_be_looked_up_goes_to_a_person_and_is_still_not_pressed(scene: Scene, clock: SetClock) -> None:
    orphan(scene)
    scene.says(PortalUnavailable("closed"))
    for _ in range(MAX_UNREADABLE - 1):
        with pytest.raises(PortalUnavailable):
            scene.ensure()
    for _ in range(2):
        with pytest.raises(OutcomeUnknown, match="a person must decide"):
            scene.ensure()
    assert (scene.form.presses, intents()) == (0, [(1, "UNCERTAIN")])
    clock.advance(QUIET)
    assert scene.says(found(WANTED, "P-1")).ensure() == DONE


def test_a_no_to_a_look_decides_nothing_about_an_orphan(scene: Scene) -> None:
    """A business error would end the item for good, and nobody would ever look again."""
    orphan(scene)
    with pytest.raises(OutcomeUnknown, match="cannot be looked up"):
        scene.says(NotEntitled("sem permissão")).ensure()
    assert intents() == [(1, "UNCERTAIN")]


def test_an_orphan_found_otherwise_ends_as_a_conflict_but_not_before_the_quiet_period(scene: Scene, clock: SetClock) -> None:
    press_into_the_dark(scene, found(WANTED, count=2))
    scene.says(found(WANTED, count=2))
    with pytest.raises(QuietPeriod):
        scene.ensure()
    clock.advance(QUIET)
    with pytest.raises(Conflict, match="2 times"):
        scene.ensure()
    assert (scene.form.presses, intents()) == (1, [(1, "CONFLICT")])
    with pytest.raises(Conflict, match="no longer shows it"):
        scene.says(None).ensure()
    assert scene.says(found(WANTED, "P-1")).ensure() == ALREADY


def test_a_portal_that_swallows_the_form_is_not_pressed_for_ever(scene: Scene, clock: SetClock) -> None:
    scene.says(None)
    for _ in range(MAX_SWALLOWED):
        with pytest.raises(QuietPeriod):
            scene.ensure()
        clock.advance(QUIET)
    with pytest.raises(Refused, match="tried 3 times, and the portal never showed it"):
        scene.ensure()
    assert scene.form.presses == MAX_SWALLOWED
    with pytest.raises(Refused):
        scene.ensure(retry_refused=True)
    later = replace(scene.protocol, run=scene.protocol.run.__class__.objects.create(**_copy(scene)), retry_refused=True)
    assert later.ensure("register", WANTED, scene.says(None, found(WANTED)).find, scene.draft) == DONE


def test_a_number_that_the_portal_refuses_ends_with_the_portals_words(scene: Scene, clock: SetClock) -> None:
    """A no that says that somebody holds the number proves nothing until its absence is proven; then it was a refusal."""
    scene.says(None).answers(Conflict("Nosso número já utilizado"))
    with pytest.raises(QuietPeriod):
        scene.ensure()
    assert Intent.objects.latest("id").text.endswith("; the portal said no: Nosso número já utilizado")
    clock.advance(QUIET)
    with pytest.raises(Refused, match=r"^Nosso número já utilizado$"):
        scene.ensure()
    assert (scene.form.presses, intents()) == (1, [(1, "REFUSED")])
    with pytest.raises(Refused, match="já utilizado"):
        scene.ensure()
    assert scene.form.presses == 1
    with pytest.raises(QuietPeriod):
        scene.ensure(retry_refused=True)
    assert scene.form.presses == 2, "an operator may ask for another press"


def test_a_no_that_was_ours_after_all_is_done_when_the_portal_shows_it(scene: Scene, clock: SetClock) -> None:
    """The request came twice: the first was taken, the second answered with a no, and the list was late."""
    scene.says(None).answers(Conflict("Nosso número já utilizado"))
    with pytest.raises(QuietPeriod):
        scene.ensure()
    clock.advance(QUIET)
    assert scene.says(found(WANTED, "P-1")).ensure() == DONE
    assert (scene.form.presses, intents()) == (1, [(1, "DONE")])


def _copy(scene: Scene) -> dict[str, object]:
    run = scene.protocol.run
    return {"id": "later", "process": run.process, "actor": run.actor, "created_at": run.created_at, "folder": run.folder}


# --- the lock -----------------------------------------------------------------------------------------------------------


def test_while_another_run_works_on_the_act_nothing_is_even_looked_up(scene: Scene) -> None:
    with scene.protocol.locks.hold("act/ccee/register/R-1"), pytest.raises(LeaseHeld):
        scene.ensure()
    assert scene.asked == 0
    assert scene.says(None, found(WANTED)).ensure() == DONE


def test_the_same_reference_at_another_portal_is_another_act(scene: Scene) -> None:
    press_into_the_dark(scene)
    assert scene.answers(Receipt("P-1")).says(None, found(WANTED)).ensure(portal="tryton") == DONE


# --- whatever a robot lets slip -----------------------------------------------------------------------------------------


def test_an_error_of_the_browsers_library_after_the_press_leaves_the_outcome_to_be_verified(scene: Scene, clock: SetClock) -> None:
    @contextmanager
    def doing(what: str) -> Iterator[None]:
        try:
            yield
        except ZeroDivisionError as error:
            raise PortalChanged(f"unexpected while {what}") from error

    def press() -> Receipt:
        raise ZeroDivisionError

    scene.form.press = press
    with pytest.raises(QuietPeriod):
        scene.says(None, found(WANTED, "P-1")).ensure(doing=doing)
    clock.advance(QUIET)
    assert scene.ensure() == DONE


def test_a_defect_after_the_press_leaves_the_intent_open(scene: Scene) -> None:
    def press() -> Receipt:
        raise ZeroDivisionError

    scene.form.press = press
    with pytest.raises(ZeroDivisionError):
        scene.ensure()
    assert intents() == [(1, IntentState.OPEN)]


def test_a_secret_in_the_portals_words_is_not_kept(scene: Scene) -> None:
    redactor.add("canary-act-5521")
    refuse(scene, Refused("senha canary-act-5521 inválida"))
    assert Intent.objects.get().text == "senha *** inválida"
