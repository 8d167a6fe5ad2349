"""The portal of the simulation: the ground truth of what was registered, and all that a portal does wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retaguarda.errors import BrowserCrashed, Conflict, OutcomeUnknown, PortalChanged, PortalUnavailable, Refused, SessionLost
from retaguarda.model.acts import Found, Permit, Receipt
from tests.house import Thing

if TYPE_CHECKING:
    from bench.rehearse.schedule import Schedule

LONGEST = 90.0
"""Seconds that a portal may work on a form after its sender gave up."""
LAG = 30.0
"""Seconds that a list may be behind."""

FATES = {"swallowed": 0.04, "no answer, not done": 0.08, "done late": 0.15, "no answer, done": 0.08, "said to be there": 0.05}
"""What becomes of a form, and how likely."""


@dataclass(frozen=True)
class Row:
    """Something registered: when, what, and whether by us."""

    at: float
    reference: str
    fields: Mapping[str, str]
    protocol: str
    ours: bool = True


@dataclass
class SimSession:
    """One sign-in of a credential, numbered as the portal gave them."""

    credential: str
    number: int
    ended: bool = False


@dataclass
class SimPortal:
    """What was committed when, what will still be, and how often each form arrived."""

    world: Schedule
    held: list[Row] = field(default_factory=list)
    coming: list[Row] = field(default_factory=list)
    posts: Counter[str] = field(default_factory=Counter)
    refusing: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    """Those of the refused ones whose number the portal says is used, and never shows."""
    garbage_until: float = -1.0
    newest: Counter[str] = field(default_factory=Counter)

    def rows(self, reference: str) -> list[Row]:
        """What the portal holds under a reference, once all that is under way has arrived."""
        return [row for row in [*self.held, *self.coming] if row.reference == reference]

    def sign_in(self, credential: str) -> SimSession:
        self.world.step("signing in")
        self.newest[credential] += 1
        return SimSession(credential, self.newest[credential])

    def find(self, session: SimSession, wanted: Thing) -> Found | None:
        """The list, as it is shown at this moment."""
        self.world.step("look")
        self._must_be_readable(session)
        now = self.world.clock.true
        self.held += [row for row in self.coming if row.at <= now]
        self.coming = [row for row in self.coming if row.at > now]
        behind = self.world.rng.uniform(0, LAG) if self.world.fires("list behind", 0.25) else 0.0
        rows = [row for row in self.held if row.reference == wanted.reference and row.at <= now - behind]
        self.world.step("looked")
        return Found(wanted.reference, rows[-1].fields, rows[-1].protocol, len(rows)) if rows else None

    def _must_be_readable(self, session: SimSession) -> None:
        world = self.world
        if world.sessions and world.fires("session lost", 0.03):
            session.ended = True
        if session.ended:
            raise SessionLost("the portal shows its entrance")
        if world.fires("garbage page", 0.06):
            self.garbage_until = world.clock.true + world.rng.choice([0.0, world.rng.uniform(1, 300)])
        if world.faulty and world.clock.true <= self.garbage_until:
            raise world.rng.choice([PortalChanged, PortalUnavailable])("garbage")

    def draft(self, session: SimSession, wanted: Thing) -> SimForm:
        """A filled form; now and then the screen keeps something else than what was typed."""
        self.world.step("filling the form")
        if not self.rows(wanted.reference) and self.world.fires("another hand", 0.02):  # people see what is there
            self.other_hand(wanted)
        fields = wanted.fields()
        if self.world.fires("form shows otherwise", 0.02):
            fields["value"] = "99"
        return SimForm(self, session, wanted, fields)

    def other_hand(self, wanted: Thing) -> None:
        """A person registers the same reference, with the same values or others."""
        value = self.world.rng.choice([wanted.value, "77"])
        row = Row(self.world.clock.true, wanted.reference, wanted.fields() | {"value": value}, f"H-{wanted.reference}", ours=False)
        self.held.append(row)

    def post(self, form: SimForm) -> Receipt:
        """What becomes of a form whose button was pressed: the portal goes on with it, whatever happens to its sender meanwhile."""
        world, reference = self.world, form.wanted.reference
        self.posts[reference] += 1
        world.pressed(form)
        refused, fate = reference in self.refusing, self._fate()
        world.fired["refused"] += refused
        world.fired["said to be used"] += refused and reference in self.used
        if not refused and fate not in {"swallowed", "no answer, not done"}:
            late = world.rng.uniform(1, LONGEST) if fate == "done late" else 0.0
            row = Row(world.clock.true + late, reference, dict(form.fields), f"P-{self.posts[reference]}-{reference}")
            (self.coming if late else self.held).append(row)
        world.step("sent")
        if refused:
            raise Conflict("Número já utilizado") if reference in self.used else Refused("Perfil inativo")
        if fate == "said to be there":
            raise Conflict("Já existe o contrato")
        if fate.startswith("no answer") or fate == "done late":
            raise world.rng.choice([OutcomeUnknown, PortalUnavailable, BrowserCrashed])("no answer")
        return Receipt(f"P-{self.posts[reference]}-{reference}")

    def _fate(self) -> str:
        """What the portal does wrong with a form; nothing most of the time."""
        return next((fault for fault, chance in FATES.items() if self.world.fires(fault, chance)), "")


@dataclass
class SimForm:
    """The filled form of one item."""

    portal: SimPortal
    session: SimSession
    wanted: Thing
    fields: dict[str, str]
    why_not: str = ""
    """What was wrong with the machine, or asked by an operator, before the form was even read."""

    def shown(self) -> dict[str, str]:
        self.why_not = self.portal.world.why_not()
        return dict(self.fields)

    def submit(self, permit: Permit) -> Receipt:
        self.portal.world.step("before the button")
        permit.use()
        if self.portal.world.clicks_twice():
            self._click_again(permit)
        receipt = self.portal.post(self)
        self.portal.world.step("answered")
        return receipt

    def _click_again(self, permit: Permit) -> None:
        try:
            permit.use()
        except RuntimeError:
            return  # what a permit is for
        self.portal.post(self)


@dataclass
class SimRobot:
    """Operates the portal in one session."""

    portal: SimPortal
    session: SimSession

    def find(self, wanted: Thing) -> Found | None:
        return self.portal.find(self.session, wanted)

    def draft(self, wanted: Thing) -> SimForm:
        return self.portal.draft(self.session, wanted)
