"""The tables, by what they are about."""

from retaguarda.store.models.accounts import (
    BoletoReturn,
    IssuedTitle,
    Remittance,
    RemittanceState,
    StatementEntry,
    StatementFile,
    TitleState,
)
from retaguarda.store.models.audit import AuditEntry, AuditFolder, OutboxEvent
from retaguarda.store.models.decisions import BreakRecord, DecisionEvent, DecisionState, LedgerItem, MatchAllocation, MatchDecision, SignOff
from retaguarda.store.models.operations import Alert, LegalHold, Milestone, Notice
from retaguarda.store.models.people import ApiToken, ConsoleSession, FailedAttempt, OneTimeLink, Person
from retaguarda.store.models.runs import Booking, Evidence, Intent, IntentState, Item, ItemState, RunRecord, RunState
from retaguarda.store.models.tickets import Ticket, TicketMessage, TicketState
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
    "ApiToken",
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
    "IssuedTitle",
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
    "Remittance",
    "RemittanceState",
    "Request",
    "RequestState",
    "RunRecord",
    "RunState",
    "SignIn",
    "SignInState",
    "SignOff",
    "StatementEntry",
    "StatementFile",
    "Ticket",
    "TicketMessage",
    "TicketState",
    "TitleState",
    "TriggerEntry",
    "TriggerState",
    "Worker",
]
