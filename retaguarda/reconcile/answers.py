"""What people answered to proposals: the sheet of proposals of the accountants' workbook, read back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, PlainValidator, model_validator

from retaguarda.formats.rows import Kind, read, refusal
from retaguarda.model.intake import Intake
from retaguarda.model.values import plain

_SAID = {"S": True, "SIM": True, "Y": True, "YES": True, "N": False, "NAO": False, "NO": False, "": None}


@dataclass(frozen=True, slots=True)
class Answer:
    """One line's proposal: approved or not, and why; `approved` is None where nobody answered."""

    line_id: str
    approved: bool | None
    reason: str


def read_answers(path: Path) -> Intake[Answer]:
    """Every row of the sheet as an answer or a rejection; raises InvalidItem when the file has no such sheet."""
    return read(path, path.name, _ANSWERS)


def _said(text: object) -> bool | None:
    word = plain(str(text))
    if word not in _SAID:
        raise refusal("The answer is neither S nor N.", "Write S to approve, N to refuse, or leave it empty.")
    return _SAID[word]


class _Row(BaseModel):
    number: str
    answer: Annotated[bool | None, PlainValidator(_said)] = None
    why: str = ""

    @model_validator(mode="after")
    def _refusals_have_reasons(self) -> _Row:
        if self.answer is False and not self.why.strip():
            raise refusal("A refusal needs a reason.", "Choose one in the column beside it.", field="why")
        return self

    def made(self) -> Answer:
        return Answer(self.number, self.answer, self.why.strip())


_ANSWERS: Kind[Answer] = Kind(
    columns={"number": ("Linha", "Line"), "answer": ("Aprovar (S/N)", "Approve (S/N)"), "why": ("Motivo", "Reason")},
    optional=frozenset(),
    numbers=frozenset(),
    model=_Row,
    make=_Row.made,
)
