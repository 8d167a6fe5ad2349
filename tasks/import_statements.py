"""Statements and boleto returns that people hold as files, entered in the book of accounts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from retaguarda.errors import IncompleteDownload, InvalidItem
from retaguarda.formats import is_return, read_returns, read_statements
from retaguarda.formats.source import Source
from retaguarda.model.acts import Errand
from retaguarda.model.statements import Statement
from retaguarda.run import Artifact, Run, task


@dataclass(frozen=True)
class Imported:
    """Movements that are new."""

    added: int


@task
def import_statements(run: Run, files: tuple[Path, ...], opening: Decimal | None = None) -> Imported:
    """Enter statements and boleto returns of any bank and format, each movement once; what does not prove itself is told and stays out.

    `opening` is the balance before the first file, for when neither it nor the book tells one.
    """
    run.stage("statement")
    added = 0
    for path in files:
        artifact = run.take(path)
        if is_return(Source.of(run.bytes_of(artifact))):
            _enter_returns(run, artifact)
            continue
        for number, statement in enumerate(_read(run, artifact), 1):
            added += _entered(run, artifact, statement, f"{path.name} {number}: {statement.account_key}", opening)
    return Imported(added)


def _enter_returns(run: Run, artifact: Artifact) -> None:
    with run.item(Errand(artifact.name)):
        try:
            taken = run.enter_returns([(artifact, told) for told in read_returns(run.bytes_of(artifact))])
        except IncompleteDownload as error:
            raise InvalidItem(str(error), remedy=error.remedy) from error
        if reasons := [f"{one.account}: {reason}" for one in taken for reason in one.reasons]:
            raise InvalidItem("; ".join(reasons), remedy="import what is missing; if nobody has it, ask the bank")


def _read(run: Run, artifact: Artifact) -> list[Statement]:
    """The statements of a file; one that cannot be read is refused, and the others go on."""
    with run.item(Errand(artifact.name)):
        try:
            return read_statements(run.bytes_of(artifact))
        except IncompleteDownload as error:
            raise InvalidItem(str(error), remedy=error.remedy) from error
    return []


def _entered(run: Run, artifact: Artifact, statement: Statement, reference: str, opening: Decimal | None) -> int:
    with run.item(Errand(reference, {"file": artifact.name})):
        taken = run.enter_statement(artifact, statement, opening=opening)
        if taken.reasons:
            raise InvalidItem(f"{taken.name}: {'; '.join(taken.reasons)}", remedy="download it again; if it stays so, ask the bank")
        return taken.added
    return 0
