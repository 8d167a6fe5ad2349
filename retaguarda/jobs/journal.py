"""The journal of presses: every intent is durable, with its audit event, before a button is touched."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import DatabaseError, IntegrityError, transaction

from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError, LeaseLost, StoreUnavailable
from retaguarda.model.acts import Permit
from retaguarda.redaction import redactor
from retaguarda.store.models import Intent, IntentState, Milestone, RunRecord

PERMIT_SECONDS = 30
"""From the intent to the button: after a longer standstill another run may have looked, and found nothing."""
LONGEST_PROTOCOL = 120
"""Characters that the store keeps."""
RESTORED = "restored"
"""Name of the milestone that stands while a restored store waits for a person to accept it."""
UNRESOLVED = (IntentState.OPEN, IntentState.UNCERTAIN)
_LAST = "SELECT * FROM store_intent WHERE portal = %s AND act = %s AND reference = %s ORDER BY attempt DESC LIMIT 1"
"""Asked before and after every press; composing it anew each time would cost several times what the store needs to answer it."""


@dataclass(frozen=True, slots=True)
class ActKey:
    """What an act is told by: the portal, the kind of act and the business reference."""

    portal: str
    act: str
    reference: str

    def __str__(self) -> str:
        return f"{self.portal}/{self.act}/{self.reference}"


class Journal:
    """Intents of all runs; one writer at a time per act, who holds the act's lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def last(self, key: ActKey) -> Intent | None:
        """The latest attempt at this act, by any run."""
        return next(iter(Intent.objects.raw(_LAST, [key.portal, key.act, key.reference])), None)

    def absences(self, key: ActKey, run: RunRecord | None = None) -> int:
        """How often this act was pressed and then proven absent, in all runs or in one."""
        attempts = Intent.objects.filter(portal=key.portal, act=key.act, reference=key.reference, state=IntentState.ABSENT)
        return (attempts.filter(run=run) if run else attempts).count()

    def intend(
        self,
        run: RunRecord,
        key: ActKey,
        digest: str,
        fields: Mapping[str, str],
        picture: str,
        *,
        after: Intent | None = None,
        must_be_ours: Callable[[], None] = lambda: None,
    ) -> tuple[Intent, Permit]:
        """Write the intent and give leave for one press; StoreUnavailable, and no leave, when it cannot be made durable.

        `after` is the last attempt that was judged before this one. `must_be_ours` is asked in the same transaction. LeaseLost,
        and no leave, when it says no or when somebody made the next attempt meanwhile: whoever judged an older state must not press.
        """
        attempt, began = after.attempt + 1 if after else 1, self._clock.monotonic()
        try:
            with transaction.atomic(durable=True):
                _must_be_accepted()
                must_be_ours()
                intent = Intent.objects.create(
                    portal=key.portal,
                    act=key.act,
                    reference=key.reference,
                    attempt=attempt,
                    digest=digest,
                    run=run,
                    at=self._clock.now(),
                    boot=self._clock.boot_id(),
                    monotonic=self._clock.monotonic(),
                    picture=picture,
                )
                facts = {"attempt": attempt, "digest": digest, "picture": picture, "fields": dict(fields)}
                self._tell("act.intent", intent, facts)
        except IntegrityError as error:
            raise LeaseLost(f"another run works on {key.reference}: nothing was pressed", remedy="resume the run later") from error
        except DatabaseError as error:
            raise StoreUnavailable(
                f"the intent cannot be written, so nothing is pressed: {error}", remedy="free the disk, then resume"
            ) from error
        return intent, Permit(key.reference, attempt, lambda: self._clock.monotonic() - began > PERMIT_SECONDS)

    def close(self, intent: Intent, state: IntentState, text: str = "", protocol: str = "", picture: str = "", no: str = "") -> None:
        """Record what became of a press, with proof or the portal's words; LeaseLost when another process did so meanwhile.

        `no` is the portal's answer that is still to be weighed, which the intent keeps until then.
        """
        with transaction.atomic():
            told = redactor.clean(protocol or intent.protocol)[:LONGEST_PROTOCOL]
            _judge(intent, state=state, text=redactor.clean(text), protocol=told, no=redactor.clean(no) or intent.no)
            facts = {"attempt": intent.attempt, "text": text, "protocol": intent.protocol, "picture": picture}
            self._tell(f"act.{state.lower()}", intent, facts)

    def since(self, intent: Intent) -> float:
        """Seconds since a press, on the monotonic clock; endless when the machine was booted since."""
        return self._clock.monotonic() - intent.monotonic if intent.boot == self._clock.boot_id() else math.inf

    def see_orphan(self, intent: Intent) -> float:
        """Note that an unresolved press was seen; returns the seconds of quiet that have passed since, on the monotonic clock.

        A reboot starts the quiet period anew: monotonic times of different boots cannot be compared.
        """
        boot = self._clock.boot_id()
        if intent.seen_boot != boot:
            with transaction.atomic():
                _judge(intent, seen_boot=boot, seen_monotonic=self._clock.monotonic(), state=IntentState.UNCERTAIN)
                self._tell("act.orphan_seen", intent, {"attempt": intent.attempt})
        return self._clock.monotonic() - intent.seen_monotonic

    def unreadable(self, intent: Intent, text: str) -> int:
        """Count a look that proved nothing; returns how many there were."""
        with transaction.atomic():
            _judge(intent, unreadable=intent.unreadable + 1)
            self._tell("act.unreadable", intent, {"attempt": intent.attempt, "times": intent.unreadable, "text": text})
        return intent.unreadable

    def _tell(self, action: str, intent: Intent, facts: Mapping[str, object]) -> None:
        events.record(action, run=intent.run_id, item=intent.reference, target=f"{intent.portal}/{intent.act}", data=facts)


def _must_be_accepted() -> None:
    """Refuse while the store is a restored one: it does not know what was pressed after its backup was made."""
    restored = Milestone.objects.filter(name=RESTORED).first()
    if restored:
        raise ConfigurationError(
            f"the store was restored from the backup of {restored.facts['made_at'][:10]}: nothing is pressed before it is accepted",
            remedy="simulate what was to be done since, compare it with the portals, then: retaguarda backup accept",
        )


def _judge(intent: Intent, **judged: object) -> None:
    """Write what is known anew of an attempt; LeaseLost when another process judged it: this one lost its lock without dying."""
    if not Intent.objects.filter(pk=intent.pk, state__in=UNRESOLVED).update(**judged):
        raise LeaseLost(f"run {intent.run_id} was taken over by another process", remedy=f"see: retaguarda run show {intent.run_id}")
    for name, value in judged.items():
        setattr(intent, name, value)


def unresolved_of(runs: list[str]) -> list[Intent]:
    """Presses of these runs whose outcome is still unknown."""
    return list(Intent.objects.filter(run_id__in=runs, state__in=UNRESOLVED).order_by("id"))


def unresolved_presses() -> list[Intent]:
    """Presses of all runs whose outcome is still unknown, each with its run."""
    return list(Intent.objects.filter(state__in=UNRESOLVED).select_related("run__parent"))
