"""How internet bankings take a remessa de cobrança: a file that is checked first, its button, and the list of what came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from playwright.sync_api import Error

from retaguarda.errors import PortalChanged
from retaguarda.model.charges import RemittanceFile
from retaguarda.model.values import decimal_br
from retaguarda.portal import Found, Permit, PortalPage, Receipt

Names = Mapping[str, str]
"""What the bank calls the fields of `RemittanceFile`, and `protocol`."""


class ReviewPage(PortalPage):
    """What the bank read in the file, with a button that hands it in."""

    names: ClassVar[Names] = {}
    button: ClassVar[str] = ""

    def shown(self) -> dict[str, str]:
        """What the bank read, in the canonical text of `RemittanceFile.fields`."""
        return canonical({name: self.fact(term) for name, term in self.names.items()})


@dataclass(frozen=True)
class RemittanceForm:
    """The bank's check of a file, with its button not pressed; `receipt` is the screen that the button leads to."""

    page: ReviewPage
    receipt: type[PortalPage]

    def shown(self) -> dict[str, str]:
        return self.page.shown()

    def submit(self, permit: Permit) -> Receipt:
        """Hand the file in, once."""
        return Receipt(self.page.submit(self.page.button, permit, self.receipt).fact("Protocolo"))


def give(page: PortalPage, label: str, file: RemittanceFile) -> None:
    """Put the file into the page's field; nothing leaves the browser by that."""
    given = {"name": file.name, "mimeType": "text/plain", "buffer": file.content}
    try:
        page.field(label).set_input_files(given)  # type: ignore[arg-type]
    except Error as error:
        raise PortalChanged("the page takes no file", remedy="compare with the bank's screen") from error


def held(wanted: RemittanceFile, rows: Sequence[Mapping[str, str]], names: Names) -> Found | None:
    """The remessa of this number, or one with the same bytes under another number, among all that the bank lists."""
    listed = [canonical({name: row[header] for name, header in names.items()}) for row in rows]
    meant = wanted.fields()
    found = [one for one in listed if one["sequence"] == meant["sequence"] or one["file"] == meant["file"]]
    if not found:
        return None
    protocol = found[0].pop("protocol")
    return Found(wanted.reference, {"account": wanted.account, **found[0]}, protocol=protocol, count=len(found))


def canonical(shown: Mapping[str, str]) -> dict[str, str]:
    """Six digits of the number, `1234.56` of `R$ 1.234,56`, the first 16 digits of the file's SHA-256."""
    try:
        total = decimal_br(shown["total"].removeprefix("R$").strip())
    except (ValueError, ArithmeticError):
        raise PortalChanged(f"no amount: {shown['total']!r}") from None
    return {**shown, "sequence": shown["sequence"].zfill(6), "total": f"{total:.2f}", "file": shown["file"][:16]}
