"""The act protocol: find, draft, intent, one press, verify. It lives here once, and a robot cannot go around it.

A press whose outcome is not proven is UNCERTAIN. A new attempt may press only after the act's lock is ours, a quiet
period longer than the portal's longest processing time has passed on the monotonic clock since the orphan was seen, and
absence is proven on a page that proves itself. Unreadable too often: a person decides.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from retaguarda.clock import Clock
from retaguarda.errors import BusinessError, Conflict, LeaseLost, OutcomeUnknown, PortalChanged, PortalError, Refused, RetaguardaError
from retaguarda.jobs.journal import UNRESOLVED, ActKey, Journal
from retaguarda.locks import Locks
from retaguarda.model.acts import Draft, Found, Permit, Wanted
from retaguarda.store.models import Intent, IntentState, RunRecord

W = TypeVar("W", bound=Wanted)
MAX_UNREADABLE = 8
SEEN = (IntentState.DONE, IntentState.CONFLICT)
"""Ends of an intent after which the portal was seen to hold the reference, as wanted or otherwise."""
_NO = "the portal said no: "
MAX_SWALLOWED = 3
"""Presses proven absent after which only an operator may ask for another: a portal that swallows forms must end a run."""


class OutcomeKind(enum.StrEnum):
    """How an act ended well."""

    DONE = "done"
    ALREADY = "already"
    PLANNED = "planned"  # dry run: it would have been pressed


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an act, proven, with the portal's protocol number where it gives one."""

    kind: OutcomeKind
    protocol: str = ""


class QuietPeriod(OutcomeUnknown):
    """The outcome of an earlier press is unknown and the portal's quiet period has not passed."""

    def __init__(self, text: str, seconds_left: float) -> None:
        super().__init__(text, remedy="resume the run later")
        self.seconds_left = seconds_left


@dataclass(frozen=True)
class ActProtocol:
    """What the protocol needs of a run: who acts, where the intents are, and how to stop before the button."""

    run: RunRecord
    portal: str
    quiet_seconds: float
    journal: Journal
    locks: Locks
    clock: Clock
    shot: Callable[[str], str]
    may_press: Callable[[], None]
    must_be_ours: Callable[[], None] = lambda: None
    """Asked once more in the intent's own transaction: LeaseLost when the credential's lease is no longer this run's."""
    dry_run: bool = False
    retry_refused: bool = False
    doing: Callable[[str], AbstractContextManager[object]] = nullcontext
    """Puts what the browser's library raises into our words, so that an outcome is recorded whatever a robot lets slip."""

    def ensure(self, act: str, wanted: W, find: Callable[[W], Found | None], draft: Callable[[W], Draft]) -> Outcome:
        """Leave `wanted` true at the portal, once, and prove it.

        Raises Conflict when the portal holds the reference with other values, Refused when it says no (now or in an
        earlier run), QuietPeriod or OutcomeUnknown when a press cannot be proven yet, PortalChanged before the button.
        """
        key = ActKey(self.portal, act, wanted.reference)
        with self.locks.hold(f"act/{key}"):
            last = self.journal.last(key)
            if last and last.state in UNRESOLVED:
                resolved = self._resolve_orphan(last, wanted, find)
                if resolved:
                    return resolved
            found = self._look(wanted, find)
            if found:
                return Outcome(OutcomeKind.ALREADY, found.protocol)
            self._must_not_repeat(key, last, wanted)
            return Outcome(OutcomeKind.PLANNED) if self.dry_run else self._press(key, last, wanted, find, draft)

    def _look(self, wanted: W, find: Callable[[W], Found | None]) -> Found | None:
        """What the portal holds, when it is what was wanted and the only one; Conflict otherwise, None when it is absent."""
        with self.doing(f"looking {wanted.reference} up"):
            found = find(wanted)
        return _held(found, wanted) if found else None

    def _must_not_repeat(self, key: ActKey, last: Intent | None, wanted: Wanted) -> None:
        """Refuse, unless an operator asks, what was proven done, refused before or swallowed too often."""
        if last and last.state in SEEN and not self.retry_refused:
            left = self.quiet_seconds - self.journal.since(last)
            if left > 0:  # a list may be as late as the portal is slow
                raise QuietPeriod(f"done before, but not shown at the moment; looked up again after {left:.0f} s", left)
            raise Conflict(
                f"held by the portal before (protocol {last.protocol or '—'}), but the portal no longer shows it",
                remedy="look at the portal: somebody cancelled it, or its list is late; then resend it with --retry-refused",
            )
        if last and last.state == IntentState.REFUSED and last.digest == digest_of(wanted.fields()) and not self.retry_refused:
            raise Refused(last.text, remedy="correct the item, or resend it with --retry-refused", earlier=True)
        swallowed = self.journal.absences(key, self.run if self.retry_refused else None)
        if swallowed >= MAX_SWALLOWED:
            raise Refused(
                f"tried {swallowed} times, and the portal never showed it",
                remedy="look at the portal; then resend it with --retry-refused",
                earlier=True,
            )

    def _press(
        self, key: ActKey, last: Intent | None, wanted: W, find: Callable[[W], Found | None], draft: Callable[[W], Draft]
    ) -> Outcome:
        with self.doing(f"filling the form of {wanted.reference}"):
            form = draft(wanted)
            _must_agree(form.shown(), wanted)
        self.may_press()
        picture = self.shot(f"{key.act} {key.reference}: form before the button")
        digest, ours = digest_of(wanted.fields()), partial(self._must_be_ours, key)
        intent, permit = self.journal.intend(self.run, key, digest, wanted.fields(), picture, after=last, must_be_ours=ours)
        no = self._submit(form, intent, permit)
        if no:
            return self._weigh(no, intent, wanted, find)
        return self._verify(intent, wanted, find, answered=intent.state == IntentState.OPEN)

    def _must_be_ours(self, key: ActKey) -> None:
        """LeaseLost when the process lives, but the lock or the lease that let it come this far does not."""
        self.must_be_ours()
        if not self.locks.still_held(f"act/{key}"):
            raise LeaseLost(f"the lock of {key.reference} was lost: nothing was pressed", remedy="resume the run later")

    def _submit(self, form: Draft, intent: Intent, permit: Permit) -> BusinessError | None:
        """Press; keep the receipt, or hand on the portal's no. A press without a clear answer goes on to be verified."""
        try:
            with self.doing(f"pressing the button of {intent.reference}"):
                intent.protocol = form.submit(permit).protocol
        except RetaguardaError as error:
            if not permit.used:
                self.journal.close(intent, IntentState.NOT_SENT, error.text)
                if permit.expired:
                    raise permit.too_late() from error
                raise
            if isinstance(error, BusinessError):
                return error
            self.journal.close(intent, IntentState.UNCERTAIN, error.text)
        else:
            self._picture(f"{intent.act} {intent.reference}: receipt")
        return None

    def _picture(self, label: str) -> str:
        """A picture after the button, where one can still be had: what became of a press is recorded without it too."""
        try:
            return self.shot(label)
        except RetaguardaError:
            return ""

    def _weigh(self, no: BusinessError, intent: Intent, wanted: W, find: Callable[[W], Found | None]) -> Outcome:
        """What a no that followed the press is worth: a request that was sent twice is accepted once and then refused.

        A Conflict says that somebody holds the reference, perhaps we: it is no refusal until its absence is proven.
        """
        picture = self._picture(f"{intent.act} {intent.reference}: refused")
        if isinstance(no, Conflict):
            self.journal.close(intent, IntentState.UNCERTAIN, f"{_NO}{no.text}", picture=picture, no=no.text)
            return self._verify(intent, wanted, find, answered=True)
        try:
            found = self._look(wanted, find)
        except RetaguardaError:
            found = None
        if found:
            return self._done(intent, found, f"the portal said no, yet holds it: {no.text}")
        self.journal.close(intent, IntentState.REFUSED, no.text, picture=picture)
        raise no

    def _verify(self, intent: Intent, wanted: W, find: Callable[[W], Found | None], *, answered: bool) -> Outcome:
        """Find again, by another screen than the form's own answer; equal and exactly one is the proof.

        A press without an answer may still be under way, and what is shown be another hand's: that is no proof yet.
        """
        try:
            proven = self._look(wanted, find)
        except RetaguardaError as error:
            self.journal.close(intent, IntentState.UNCERTAIN, _with_its_no(error.text, intent))
            self.journal.see_orphan(intent)
            raise OutcomeUnknown(f"pressed, but not proven: {error.text}") from error
        if proven is None or _of_another(proven, intent):
            self.journal.close(intent, IntentState.UNCERTAIN, _with_its_no("pressed, but the portal does not show it yet", intent))
            self.journal.see_orphan(intent)
            raise _quiet(self.quiet_seconds)
        if not answered:
            self._must_be_the_only_one(self.quiet_seconds - self.journal.see_orphan(intent))
        return self._done(intent, proven)

    def _done(self, intent: Intent, proven: Found, text: str = "") -> Outcome:
        self.journal.close(intent, IntentState.DONE, text, protocol=intent.protocol or proven.protocol)
        return Outcome(OutcomeKind.DONE, intent.protocol)

    def _resolve_orphan(self, intent: Intent, wanted: W, find: Callable[[W], Found | None]) -> Outcome | None:
        """Look, never press: the outcome when the portal shows it, None when its absence is proven after the quiet period.

        A press that the portal said no to, and that is absent, was refused.
        """
        left = self.quiet_seconds - self.journal.see_orphan(intent)
        try:
            found = self._look(wanted, find)
        except Conflict as error:
            if left > 0:
                raise _quiet(left) from error
            self.journal.close(intent, IntentState.CONFLICT, error.text)
            raise
        except (PortalError, BusinessError) as error:
            raise self._unreadable(intent, error) from error
        if found and not _of_another(found, intent):
            if not intent.protocol:
                self._must_be_the_only_one(left)
            return self._done(intent, found, "found after an interruption")
        if left > 0:
            raise _quiet(left)
        if found:
            raise self._taken(intent, found)
        if intent.no:  # pressing again would be answered the same
            self.journal.close(intent, IntentState.REFUSED, intent.no)
        else:
            self.journal.close(intent, IntentState.ABSENT, "proven absent after the quiet period")
        return None

    def _taken(self, intent: Intent, found: Found) -> Conflict:
        """The end of a press that the portal confirmed, and in whose place it shows another hand's."""
        text = f"the portal shows protocol {found.protocol}, and not the {intent.protocol} that it gave us"
        self.journal.close(intent, IntentState.CONFLICT, text)
        return Conflict(text, remedy="compare them at the portal and cancel the surplus")

    @staticmethod
    def _must_be_the_only_one(left: float) -> None:
        """QuietPeriod while a press without an answer may still come to the portal, and be the second one there."""
        if left > 0:
            raise QuietPeriod(f"shown, but the answer was lost; looked up again after {left:.0f} s, lest it come twice", left)

    def _unreadable(self, intent: Intent, error: PortalError | BusinessError) -> RetaguardaError:
        """What a look that proved nothing means: the press stays unresolved, whatever the portal said."""
        if self.journal.unreadable(intent, error.text) >= MAX_UNREADABLE:
            return OutcomeUnknown(f"unreadable {MAX_UNREADABLE} times: a person must decide", remedy="compare the evidence")
        return error if isinstance(error, PortalError) else OutcomeUnknown(f"sent, and cannot be looked up: {error.text}")


def _with_its_no(text: str, intent: Intent) -> str:
    """A sentence of ours with the no that the portal gave to this press, whose worth is still to be found out."""
    return f"{text}; {_NO}{intent.no}" if intent.no else text


def _quiet(left: float) -> QuietPeriod:
    return QuietPeriod(f"sent, outcome unknown; looked up again after {left:.0f} s of quiet", left)


def _of_another(found: Found, intent: Intent) -> bool:
    """Whether what is shown has another protocol than the receipt of this press: a list may be behind, and show another hand's alone."""
    shown, given = _significant(found.protocol), _significant(intent.protocol)
    return bool(shown and given and shown != given)


def _significant(protocol: str) -> str:
    """A protocol without what only its printing adds."""
    return "".join(filter(str.isalnum, protocol)).casefold().lstrip("0")


def digest_of(fields: Mapping[str, str]) -> str:
    """SHA-256 of an item's values in canonical JSON."""
    return hashlib.sha256(json.dumps(dict(fields), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _must_agree(shown: Mapping[str, str], wanted: Wanted) -> None:
    differing = differences(shown, wanted.fields())
    if differing:
        raise PortalChanged(f"the form of {wanted.reference} does not show what was wanted: {differing}", remedy="nothing was pressed")


def _held(found: Found, wanted: Wanted) -> Found:
    """`found` when it is what was wanted and the only one; Conflict otherwise."""
    if found.count != 1:
        raise Conflict(
            f"the portal holds {wanted.reference} {found.count} times", remedy="compare them at the portal and cancel the surplus"
        )
    differing = differences(found.fields, wanted.fields())
    if differing:
        raise Conflict(
            f"the portal holds {found.reference} with other values: {differing}", remedy="correct it at the portal or in the ERP"
        )
    return found


def differences(held: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """The fields that differ, as `name: held ≠ wanted`, or an empty text."""
    return "; ".join(f"{name}: {held.get(name, '—')} ≠ {value}" for name, value in wanted.items() if held.get(name) != value)
