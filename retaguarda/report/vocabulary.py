"""Every code that a report shows, with its English text of the catalogue and its tone."""

from __future__ import annotations

from collections.abc import Mapping

from retaguarda.report.labels import Tone, Vocabulary

_GOOD, _WARN, _BAD, _INFO, _IDLE = Tone.GOOD, Tone.WARN, Tone.BAD, Tone.INFO, Tone.IDLE

RUN_STATES: Vocabulary = {
    "pending": ("Waiting to start", _IDLE),
    "running": ("Running", _INFO),
    "suspended": ("Suspended", _WARN),
    "successful": ("Completed", _GOOD),
    "partial": ("Completed with open points", _WARN),
    "faulted": ("Failed", _BAD),
    "stopped": ("Stopped by an operator", _WARN),
    "timed_out": ("Timed out", _BAD),
    "skipped": ("Skipped", _IDLE),
    "missed": ("Missed", _BAD),
}
TICKET_STATES: Vocabulary = {
    "open": ("Nobody's yet", _WARN),
    "in_progress": ("In hand", _INFO),
    "answered": ("Replied to", _GOOD),
}
FIRES: Vocabulary = {
    "planned": ("Planned", _INFO),
    "run": ("Runs", _GOOD),
    "skipped": ("Skipped", _IDLE),
    "missed": ("Missed", _BAD),
}
OBLIGATIONS: Vocabulary = {
    "ok": ("In time", _GOOD),
    "shrinking": ("Time is short", _WARN),
    "critical": ("Hardly in time any more", _BAD),
    "missed": ("Deadline missed", _BAD),
    "late": ("Met after the deadline", _WARN),
    "met": ("Met", _GOOD),
}
ITEM_STATES: Vocabulary = {
    "new": ("New", _IDLE),
    "deferred": ("Deferred", _WARN),
    "in_progress": ("In progress", _INFO),
    "successful": ("Successful", _GOOD),
    "failed_business": ("Business failure", _WARN),
    "failed_application": ("Technical failure", _BAD),
    "uncertain": ("Uncertain", _BAD),
    "abandoned": ("Abandoned", _IDLE),
}
OUTCOMES: Vocabulary = {
    "done": ("Done", _GOOD),
    "already": ("Already there", _GOOD),
    "planned": ("Planned", _INFO),
    "refused": ("Refused by the portal", _WARN),
    "refused_before": ("Refused in an earlier run", _WARN),
    "rejected": ("Rejected at intake", _WARN),
    "uncertain": ("Uncertain", _BAD),
    "failed": ("Technical failure", _BAD),
    "open": ("Open", _IDLE),
}
OUTCOME_HEADINGS: Mapping[str, str] = {
    "done": "Done",
    "already": "Already there",
    "planned": "Planned",
    "refused": "Refused",
    "refused_before": "Refused before",
    "rejected": "Rejected",
    "uncertain": "Uncertain",
    "failed": "Failures",
    "open": "Open",
    "held": "Held back",
    "breaks": "Breaks",
}
"""Outcomes in the order and the short words of the table of steps."""
CODES: Vocabulary = {
    "invalid_item": ("Missing or wrong data", _WARN),
    "refused": ("Refused by the portal", _WARN),
    "conflict": ("Held with other values", _WARN),
    "not_entitled": ("Not entitled", _WARN),
    "deadline_passed": ("Deadline passed", _WARN),
    "portal_changed": ("Portal changed", _BAD),
    "portal_blocked": ("Portal blocks robots", _BAD),
    "credential_refused": ("Credential refused", _BAD),
    "incomplete_download": ("Incomplete download", _BAD),
    "portal_unavailable": ("Portal unavailable", _BAD),
    "session_lost": ("Session lost", _WARN),
    "outcome_unknown": ("Outcome unknown", _BAD),
    "quiet_period": ("Waiting for proof", _WARN),
    "challenge_required": ("A code is needed", _WARN),
    "approval_required": ("Approval is needed", _WARN),
    "browser_crashed": ("Browser crashed", _BAD),
    "store_unavailable": ("Database unavailable", _BAD),
    "vault_unavailable": ("Vault unavailable", _BAD),
    "network_down": ("Network down", _BAD),
    "lease_held": ("Credential in use", _WARN),
    "lease_lost": ("Credential's lease lost", _WARN),
    "credential_resting": ("Credential rests", _WARN),
    "time_limit_reached": ("Time limit reached", _WARN),
    "killed": ("Ended at once", _WARN),
    "configuration_error": ("Wrong configuration", _BAD),
    "stop_requested": ("Stop requested", _WARN),
    "defect": ("Defect of the program", _BAD),
}
SEVERITIES: Vocabulary = {
    "info": ("Info", _INFO),
    "warning": ("Warning", _WARN),
    "critical": ("Critical", _BAD),
}
SIGN_INS: Vocabulary = {
    "open": ("Under way", _INFO),
    "accepted": ("Accepted", _GOOD),
    "refused": ("Refused by the portal", _BAD),
    "unknown": ("Broke off", _WARN),
}
DAYS: Vocabulary = {
    "proved": ("proved", _GOOD),
    "provisional": ("provisional", _WARN),
    "broken": ("broken", _BAD),
    "gap": ("no statement", _BAD),
    "closed": ("banks closed", _IDLE),
}
DECISIONS: Vocabulary = {
    "proposed": ("Waits for a person", _WARN),
    "stands": ("Stands", _GOOD),
    "rejected": ("Rejected", _IDLE),
    "undone": ("Undone", _IDLE),
    "overtaken": ("Overtaken", _WARN),
}
AREAS: Vocabulary = {
    "receipts": ("Receipts", _INFO),
    "ccee": ("CCEE × ERP", _INFO),
    "boletos": ("Boletos", _INFO),
}
CONTRACT_STATES: Vocabulary = {
    "draft": ("Draft", _IDLE),
    "unvalidated": ("Not validated", _INFO),
    "validated": ("Validated", _GOOD),
    "cancelled": ("Cancelled", _IDLE),
}
EVIDENCE_KINDS: Vocabulary = {
    "picture": ("Picture", _INFO),
    "download": ("Download", _INFO),
    "input": ("Input", _INFO),
    "output": ("Output", _INFO),
}
DEADLINES: Vocabulary = {
    "register": ("Registration at CCEE", _INFO),
    "validate": ("Validation at CCEE", _INFO),
}
CONFIDENCES: Vocabulary = {
    "high": ("high", _INFO),
    "medium": ("medium", _INFO),
    "low": ("low", _WARN),
}
LEVELS: Vocabulary = {
    "trace": ("Trace", _IDLE),
    "debug": ("Debug", _IDLE),
    "info": ("Info", _INFO),
    "success": ("Success", _GOOD),
    "warning": ("Warning", _WARN),
    "error": ("Error", _BAD),
    "critical": ("Critical", _BAD),
}
MATURITIES: Vocabulary = {
    "draft": ("Draft", _IDLE),
    "supervised": ("Supervised", _INFO),
    "unattended": ("Unattended", _GOOD),
}
PROCESSES: Vocabulary = {
    "close_month": ("Close the month", _INFO),
    "check_sign_in": ("Check the sign-in", _INFO),
    "export_erp": ("Export contracts and invoices of the ERP", _INFO),
    "download_statements": ("Download bank statements and returns", _INFO),
    "update_statements": ("Fetch statements that are missing", _INFO),
    "import_statements": ("Import statements from files", _INFO),
    "reconcile_receipts": ("Reconcile receipts", _INFO),
    "reconcile_period": ("Reconcile a period", _INFO),
    "register_contracts": ("Register contracts at CCEE", _INFO),
    "validate_contracts": ("Validate contracts at CCEE", _INFO),
    "reconcile_ccee": ("Reconcile CCEE with the ERP", _INFO),
    "settle_receivables": ("Settle receivables in the ERP", _INFO),
    "charge_customers": ("Charge customers by boleto", _INFO),
    "issue_boletos": ("Issue boletos", _INFO),
    "confirm_boletos": ("Confirm boletos", _INFO),
}
ACTS: Vocabulary = {
    "register": ("Register", _INFO),
    "validate": ("Validate", _INFO),
    "settle": ("Settle", _INFO),
    "post": ("Post", _INFO),
    "issue": ("Issue", _INFO),
}
RECEIPT_BREAKS: Vocabulary = {
    "amount_differs": ("Amount differs", _WARN),
    "duplicate_payment": ("Duplicate payment", _BAD),
    "payer_differs": ("Another payer", _WARN),
    "ambiguous": ("Several invoices fit", _WARN),
    "batch_differs": ("Boleto credit differs", _BAD),
    "batch_missing": ("Boleto credit missing", _BAD),
    "batch_unexplained": ("Boleto credit without return", _BAD),
    "title_unknown": ("Unknown title", _WARN),
    "unmatched": ("Credit without invoice", _WARN),
    "unclassified": ("Debit without class", _WARN),
    "proposal": ("Match for a person to confirm", _WARN),
    "difference": ("Difference to post", _WARN),
    "taken_back": ("Payment taken back", _BAD),
    "partial": ("Partial payment", _WARN),
    "open_item": ("Open invoice", _IDLE),
}
CONTRACT_OUTCOMES: Vocabulary = {
    "ok": ("Equal", _GOOD),
    "not_validated": ("Equal, not validated yet", _INFO),
    "held_back": ("Held back", _IDLE),
    "erp_larger": ("Larger in the ERP", _BAD),
    "ccee_larger": ("Larger at CCEE", _BAD),
    "missing_at_ccee": ("Missing at CCEE", _BAD),
    "missing_in_erp": ("Missing in the ERP", _BAD),
    "wrong_submarket": ("Wrong submarket", _BAD),
    "registered_twice": ("Registered twice", _BAD),
    "wrong_profile": ("Wrong profile", _BAD),
    "wrong_energy": ("Wrong type of energy", _BAD),
    "cut_at_guarantee": ("Cut for lack of guarantee", _BAD),
}
SETTLEMENTS: Vocabulary = {
    "settled": ("Settled", _GOOD),
    "settlement_differs": ("Differs at the bank", _BAD),
    "missing_at_bank": ("Missing at the bank", _BAD),
    "missing_in_list": ("Missing in CCEE's list", _BAD),
    "in_default": ("In default", _BAD),
}
BOLETO_BREAKS: Vocabulary = {
    "boleto_rejected": ("Boleto rejected by the bank", _BAD),
    "boleto_differs": ("Boleto registered otherwise", _BAD),
    "boleto_unconfirmed": ("Boleto not confirmed", _WARN),
    "boleto_unknown": ("Boleto of nobody's", _WARN),
}
BREAKS: Vocabulary = {**RECEIPT_BREAKS, **CONTRACT_OUTCOMES, **BOLETO_BREAKS}
RULES: Vocabulary = {
    "return": ("Boleto return file", _GOOD),
    "our_number": ("Nosso número", _GOOD),
    "reference": ("Invoice number and amount", _GOOD),
    "reference_explained": ("Invoice number, difference explained", _GOOD),
    "reference_part": ("Part payment by invoice number", _WARN),
    "reference_subset": ("Invoice numbers and others of the payer", _GOOD),
    "exact": ("Payer and amount", _GOOD),
    "explained": ("Payer, difference explained", _GOOD),
    "run": ("Neighbouring invoices of the payer", _GOOD),
    "subset": ("Several invoices of the payer", _GOOD),
    "instalment": ("Instalments of one invoice", _GOOD),
    "netting": ("Receivables against payables", _WARN),
    "lone_amount": ("Only open invoice of this amount", _WARN),
    "lost_return": ("Neighbouring titles, return file lost", _WARN),
    "person": ("Matched by a person", _GOOD),
    "settled": ("Paid in the ERP already", _INFO),
}
DIFFERENCES: Vocabulary = {
    "interest": ("Interest and fine", _INFO),
    "discount": ("Discount", _INFO),
    "withholding": ("Withheld tax", _INFO),
    "bank_fee": ("Bank fee", _INFO),
    "rounding": ("Rounding", _INFO),
    "retorno": ("Interest, discounts and fees of the return", _INFO),
    "overpayment": ("Paid too much", _WARN),
    "divergent": ("Paid another amount", _WARN),
    "netting": ("Netting", _INFO),
    "partial": ("Part payment", _WARN),
}
CLASSES: Vocabulary = {
    "credits_received": ("Credits received", _INFO),
    "matched_with_invoices": ("Booked on invoices", _INFO),
    "breaks": ("Breaks, see their sheet", _WARN),
    "own_transfer": ("Transfers between own accounts", _INFO),
    "returned_payment": ("Payments that came back", _INFO),
    "investment": ("Investments", _INFO),
    "bank_fee": ("Bank fees", _INFO),
    "tax_on_credit": ("Taxes on financial operations", _INFO),
    "tax": ("Taxes", _INFO),
    "payroll": ("Payroll", _INFO),
    "supplier": ("Payments to suppliers", _INFO),
    "interest_charged": ("Interest charged", _INFO),
}
TIE_LINES: Vocabulary = {**RECEIPT_BREAKS, **CLASSES}
PARAMETERS: Mapping[str, str] = {
    "month": "Month of supply",
    "period": "Period",
    "credential": "Credential",
    "credentials": "Credentials",
    "account": "Account",
    "accounts": "Accounts",
    "sheet": "Sheet of contracts",
    "contracts": "Contracts of the month",
    "receivables": "Invoices",
    "statements": "Bank statements",
    "returns": "Boleto return files",
    "releases": "Contracts released by their payments",
    "batches": "Payments to book",
    "days": "Days back from today",
    "payers": "Sheet of payers' addresses",
    "files": "Statement files",
    "opening": "Balance before the first file",
    "open_items": "Open items",
    "partners": "Register of partners",
    "history": "Matches of before",
}
FIELDS: Mapping[str, str] = {
    "seller_profile": "Seller profile",
    "buyer_profile": "Buyer profile",
    "seller": "Seller",
    "buyer": "Buyer",
    "submarket": "Submarket",
    "month": "Month of supply",
    "mw_average": "MWmédio",
    "mwh": "MWh",
    "modulation": "Modulation",
    "lines": "Lines",
    "total": "Total",
    "amount": "Amount",
    "state": "State",
    "account": "Account",
    "counterparty": "Counterparty",
    "partner": "Customer",
    "cnpj": "CNPJ",
    "number": "Number",
    "boletas": "Boletas",
    "boleta": "Boleta",
    "line": "Line",
    "rows": "Rows",
    "file": "File",
    "rejected": "Rows rejected",
    "sequence": "Sequence number (NSA)",
    "titles": "Titles",
}
DECIMALS: Mapping[str, int] = {"mw_average": 6, "mwh": 3, "total": 2, "amount": 2, "lines": 0, "line": 0, "rows": 0, "rejected": 0}
"""Fields of items that are numbers, with the decimals they are shown with; every other field is text."""


def rule_of(grade: str) -> str:
    """The rule of a grade that the engine gives, as `RULES` calls it: `reference.explained.doc` is `reference_explained`."""
    first, _, plain = grade.partition(".")
    family, _, rest = (plain if first in {"again", "elsewhere", "twice"} else grade).partition(".")
    told = f"{family}_{rest.partition('.')[0]}"
    return told if told in RULES else family
