"""Errors carry what happens next: a disposition, a stable code and a text for people.

The class decides the next step, never the message. A class's docstring is the message it gives when raised bare.
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import ClassVar


class Disposition(enum.StrEnum):
    """What the frame does with an error that reaches it."""

    REJECT = "reject"  # the item is wrong or was refused: recorded, next item, never retried
    HALT = "halt"  # the portal or the set-up is not as known: stop the run, tell the operator
    RETRY = "retry"  # nothing was done: try again later
    RECHECK = "recheck"  # something may have been done: look, do not press
    PARK = "park"  # a person must answer first


class RetaguardaError(Exception):
    """Something went wrong."""

    disposition: ClassVar[Disposition] = Disposition.HALT

    def __init__(self, text: str = "", *, remedy: str = "", **facts: object) -> None:
        self.text = text or (type(self).__doc__ or "").strip().splitlines()[0]
        self.remedy = remedy
        self.facts = facts
        super().__init__(self.text)

    @property
    def code(self) -> str:
        """Stable code for logs, reports and scripts, e.g. `portal-changed`."""
        name = type(self).__name__
        return "".join("-" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))


class BusinessError(RetaguardaError):
    """The item cannot be done as it stands."""

    disposition = Disposition.REJECT


class InvalidItem(BusinessError):
    """The item's data is missing or wrong."""


class Refused(BusinessError):
    """The portal refused the item."""


class Conflict(BusinessError):
    """The portal already holds this reference with other values."""


class NotEntitled(BusinessError):
    """The credential may not do this for this item."""


class DeadlinePassed(BusinessError):
    """The portal's deadline for this act has passed."""


class PortalError(RetaguardaError):
    """The portal does not behave as the robot knows it."""


class PortalChanged(PortalError):
    """A screen is not the one the robot expects."""


class PortalBlocked(PortalError):
    """The portal does not let robots in."""


class CredentialRefused(PortalError):
    """The portal refused the credential; it is not tried again, because accounts lock."""


class IncompleteDownload(PortalError):
    """The downloaded file is not whole or not the one asked for."""


class PortalUnavailable(PortalError):
    """The portal is closed or answers with an error."""

    disposition = Disposition.RETRY

    def __init__(self, text: str = "", *, retry_at: dt.datetime | None = None, remedy: str = "", **facts: object) -> None:
        super().__init__(text, remedy=remedy, **facts)
        self.retry_at = retry_at


class CredentialResting(PortalUnavailable):
    """Nobody saw how the last sign-in ended; the credential rests before another try, because accounts lock."""


class SessionLost(PortalError):
    """The portal ended the session."""

    disposition = Disposition.RETRY


class OutcomeUnknown(PortalError):
    """The act was sent and its outcome could not be proven."""

    disposition = Disposition.RECHECK


class NeedsPerson(RetaguardaError):
    """A person must answer before this can go on."""

    disposition = Disposition.PARK


class ChallengeRequired(NeedsPerson):
    """The portal asks for a code that no mailbox or token could give."""


class ApprovalRequired(NeedsPerson):
    """The plan waits for the approval of a second person."""


class InfrastructureError(RetaguardaError):
    """The machine under the robots failed."""

    disposition = Disposition.RETRY


class BrowserCrashed(InfrastructureError):
    """The browser died."""


class StoreUnavailable(InfrastructureError):
    """The database cannot be read or written."""


class VaultUnavailable(InfrastructureError):
    """The vault cannot be opened."""


class NetworkDown(InfrastructureError):
    """The portal's address cannot be reached."""


class LeaseHeld(InfrastructureError):
    """Another run holds this credential."""


class LeaseLost(InfrastructureError):
    """Another run may work with this credential by now: nothing was pressed."""


class ConfigurationError(InfrastructureError):
    """The configuration is wrong."""

    disposition = Disposition.HALT


class StopRequested(RetaguardaError):
    """An operator asked the run to stop; it stopped at a safe point."""


class TimeLimitReached(RetaguardaError):
    """The run took longer than its time limit; it stopped at a safe point."""


class Killed(RetaguardaError):
    """The run was ended at once, in the middle of its work."""
