"""The tables, by what they are about."""

from retaguarda.store.models.accounts import IssuedTitle, Remittance, RemittanceState, StatementEntry, StatementFile, TitleState
from retaguarda.store.models.audit import AuditFolder, OutboxEvent
from retaguarda.store.models.operations import Alert, LegalHold, Milestone, Notice
from retaguarda.store.models.runs import Booking, Evidence, Intent, IntentState, Item, ItemState, RunRecord, RunState
from retaguarda.store.models.unattended import (
    FireState,
    Lease,
    PlannedFire,
    Request,
    RequestState,
    SignIn,
    SignInState,
    TriggerState,
    Worker,
)

__all__ = [
    "Alert",
    "AuditFolder",
    "Booking",
    "Evidence",
    "FireState",
    "Intent",
    "IntentState",
    "IssuedTitle",
    "Item",
    "ItemState",
    "Lease",
    "LegalHold",
    "Milestone",
    "Notice",
    "OutboxEvent",
    "PlannedFire",
    "Remittance",
    "RemittanceState",
    "Request",
    "RequestState",
    "RunRecord",
    "RunState",
    "SignIn",
    "SignInState",
    "StatementEntry",
    "StatementFile",
    "TitleState",
    "TriggerState",
    "Worker",
]
