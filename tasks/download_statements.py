"""What the banks say: every account's statement of a period, proved complete, and the boleto returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from retaguarda.calendars.calendar import is_business_day
from retaguarda.errors import IncompleteDownload, InvalidItem
from retaguarda.formats import read_return, read_statement
from retaguarda.model.acts import Errand
from retaguarda.model.statements import ReturnFile
from retaguarda.model.values import Period
from retaguarda.portal import Download
from retaguarda.portal.capabilities import DownloadsReturns, ListsStatements
from retaguarda.reconcile.download_plan import pieces
from retaguarda.reconcile.proof import prove
from retaguarda.report.content import Findings, StatementLine
from retaguarda.run import Artifact, Run, task


@dataclass(frozen=True)
class BankFiles:
    """The files as the banks gave them."""

    statements: tuple[Artifact, ...]
    returns: tuple[Artifact, ...]
    findings: Artifact


@task
def download_statements(run: Run, period: Period, credentials: tuple[str, ...] = ("bank_jatoba/robo", "bank_cedro/robo")) -> BankFiles:
    """Download and prove the statements of a period, and the boleto returns of the banks that give them."""
    statements: list[Artifact] = []
    returns: list[Artifact] = []
    proofs: list[StatementLine] = []
    wanted = 0
    for credential in credentials:
        asked = list(pieces(period, run.manifest(credential).statement_days))
        wanted += len(asked)
        run.stage("signing in")
        with run.robot(credential, ListsStatements) as bank:  # type: ignore[type-abstract]
            account = run.account(credential)
            run.stage("statement")
            for piece in asked:
                with run.item(Errand(f"{account} {piece}")):
                    download = bank.statement(account, piece)
                    proofs.append(_entered(run, run.artifact(download), account, piece))
                    statements.append(run.artifact(download))
            if isinstance(bank, DownloadsReturns):
                run.stage("boleto returns")
                returns += _whole_returns(run, bank.returns(account, period), account)
    if len(statements) < wanted:
        raise IncompleteDownload("a statement is missing: nothing is reconciled without it", remedy="see this step's items, then resume")
    findings = run.hand_over("findings.json", Findings(statements=tuple(proofs)))
    return BankFiles(tuple(statements), tuple(returns), findings)


def _entered(run: Run, download: Artifact, account: str, period: Period) -> StatementLine:
    """A statement that proves itself (opening + movements = closing, right account, right period), in the book of accounts.

    IncompleteDownload when it does not, or when it contradicts what the book holds for good.
    """
    statement = read_statement(run.bytes_of(download))
    number = account.rpartition("/")[2].strip()  # files spell the branch in many ways; the robot saw it on the page
    proof = prove(statement, period, number, is_business_day=is_business_day)
    reasons = proof.reasons or run.enter_statement(download, statement, asked=account).reasons
    if reasons:
        raise IncompleteDownload(f"{download.name}: {'; '.join(reasons)}", remedy="download it again; if it stays so, ask the bank")
    movements = sum(not entry.checkpoint for entry in statement.entries)
    return StatementLine(
        file=download.name,
        account=account,
        period=str(period),
        entries=movements,
        opening=proof.opening,
        movement=statement.movement,
        closing=proof.closing,
        proven=True,
        detail="",
    )


def _whole_returns(run: Run, downloads: Iterable[Download], account: str) -> list[Artifact]:
    """Return files that read to their last line; what was left out between them, or is wrong with one, becomes a rejected item."""
    read: list[tuple[Artifact, ReturnFile]] = []
    for download in downloads:
        with run.item(Errand(f"retorno {download.sha256[:12]}", {"file": download.name})):
            read.append((run.artifact(download), read_return(download.read_bytes())))
    remedy = "download what is missing; if the bank does not list it, ask the bank"
    for taken in run.enter_returns(read, asked=account):
        for number, reason in enumerate(taken.reasons, 1):
            run.reject(f"{taken.account} retorno {taken.sequence}/{number}", taken.name, InvalidItem(reason, remedy=remedy))
    return [artifact for artifact, _ in read]
