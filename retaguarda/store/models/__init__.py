"""The tables, by what they are about."""

from retaguarda.store.models.accounts import BoletoReturn, StatementEntry, StatementFile
from retaguarda.store.models.audit import AuditEntry, AuditFolder, OutboxEvent
from retaguarda.store.models.decisions import BreakRecord, DecisionEvent, DecisionState, LedgerItem, MatchAllocation, MatchDecision, SignOff
from retaguarda.store.models.operations import Alert, LegalHold, Milestone, Notice
from retaguarda.store.models.people import ConsoleSession, FailedAttempt, OneTimeLink, Person
from retaguarda.store.models.runs import Booking, Evidence, Intent, IntentState, Item, ItemState, RunRecord, RunState
from retaguarda.store.models.unattended import (
    FireState,
    Lease,
    PlannedFire,
    Request,
    RequestState,
    SignIn,
    SignInState,
    TriggerEntry,
    TriggerState,
    Worker,
)

__all__ = [
    "Alert",
    "AuditEntry",
    "AuditFolder",
    "BoletoReturn",
    "Booking",
    "BreakRecord",
    "ConsoleSession",
    "DecisionEvent",
    "DecisionState",
    "Evidence",
    "FailedAttempt",
    "FireState",
    "Intent",
    "IntentState",
    "Item",
    "ItemState",
    "Lease",
    "LedgerItem",
    "LegalHold",
    "MatchAllocation",
    "MatchDecision",
    "Milestone",
    "Notice",
    "OneTimeLink",
    "OutboxEvent",
    "Person",
    "PlannedFire",
    "Request",
    "RequestState",
    "RunRecord",
    "RunState",
    "SignIn",
    "SignInState",
    "SignOff",
    "StatementEntry",
    "StatementFile",
    "TriggerEntry",
    "TriggerState",
    "Worker",
]
