"""The robot of CCEE's Portal de Operações: registers, validates and exports contracts as a person of the agent would."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TypeVar

from retaguarda.errors import IncompleteDownload, InvalidItem
from retaguarda.model.contracts import ContractState, HeldContract, Registration
from retaguarda.model.values import Month
from retaguarda.portal import Credential, Download, Found, Permit, PortalPage, Receipt, Robot
from robots.ccee.pages import (
    ContractsPage,
    ExportPage,
    GeneralPage,
    Listed,
    LoginPage,
    PendingPage,
    RegisteredPage,
    ReviewPage,
    ValidatedPage,
    ValidationPage,
    month_br,
)  # fmt: skip

P = TypeVar("P", bound=PortalPage)
CODE = r"codigo de (?:acesso e|autorizacao:) (\d{6})"
SENDER = "nao-responda@ccee"


class CceeRobot(Robot):
    """Does at the portal what a person of the agent would do; it never decides."""

    def sign_in(self, credential: Credential) -> None:
        """Password, then the code that CCEE mails; only a mail that came after the request counts."""
        channel = self._open("/ui/login", LoginPage).enter(credential)
        asked = self.session.clock.now()
        code_page = channel.by_mail()
        code_page.confirm(self.session.mail_code(asked, CODE, SENDER))

    def sign_out(self) -> None:
        self._open("/ui/sair", LoginPage)

    def find(self, wanted: Registration) -> Found | None:
        """What the portal holds under the reference or between the same profiles for the same submarket and month."""
        rows = self._held(wanted)
        return _found(wanted, rows) if rows else None

    def draft(self, wanted: Registration) -> ContractForm:
        """Fill the wizard and stop at the review, before the button."""
        amounts = self._open("/contratos/novo", GeneralPage).fill_in(wanted)
        review = amounts.fill_in(wanted).fill_in(wanted)
        return ContractForm(review, wanted.reference)

    def find_validation(self, wanted: Registration) -> Found | None:
        """The validated montante between these profiles, or a pending one that differs from what is wanted.

        None when an equal one waits for its validation, and when the seller registered none. The seller's reference is
        his own, so only the key is looked for.
        """
        rows = _standing(self._of_key(wanted))
        if not rows:
            return None
        found = _found(wanted, rows, protocol=False)
        waits = len(rows) == 1 and rows[0].contract.state == ContractState.UNVALIDATED
        equal = wanted.fields().items() <= dict(found.fields).items()
        return None if waits and equal else found

    def draft_validation(self, wanted: Registration) -> ValidationForm:
        """Open the pending montante and stop before the button; InvalidItem when the seller registered none."""
        for page, rows in self._open("/validacoes", PendingPage).consult(wanted.month).pages():
            codes = [row.contract.code for row in rows if row.contract.key == wanted.key]
            if codes:
                return ValidationForm(page.open(codes[0]), codes[0])
        raise InvalidItem(f"the seller has registered nothing to validate for {wanted.reference}", remedy="ask the seller to register it")

    def pending_validations(self, month: Month) -> list[HeldContract]:
        """Every montante of the month that waits for our validation as the buyer."""
        return [row.contract for row in self._open("/validacoes", PendingPage).consult(month).everything()]

    def export(self, month: Month) -> Download:
        """The ZIP with every contract of the month; IncompleteDownload unless it holds as many as the portal states."""
        exported = self._open("/contratos/exportar", ExportPage).generate(month)
        stated = exported.stated()
        download = self.session.download(exported.fetch)
        _must_hold(download, stated)
        return download

    def _open(self, path: str, page: type[P]) -> P:
        self.session.goto(path)
        return page(self.session).prove()

    def _held(self, wanted: Registration) -> list[Listed]:
        """Rows with the wanted reference, which the portal finds anywhere in the text, or with the wanted key."""
        named = self._contracts(wanted.month, {"Referência": wanted.reference})
        return _standing([row for row in named if row.contract.reference == wanted.reference] + self._of_key(wanted))

    def _of_key(self, wanted: Registration) -> list[Listed]:
        profiles = {"Perfil vendedor": str(wanted.seller_profile), "Perfil comprador": str(wanted.buyer_profile)}
        return [row for row in self._contracts(wanted.month, profiles) if row.contract.key == wanted.key]

    def _contracts(self, month: Month, narrowed: dict[str, str]) -> list[Listed]:
        filters = {"Mês de suprimento": month_br(month), **narrowed}
        return self._open(ContractsPage.path(filters), ContractsPage).asked(filters).everything()


@dataclass(frozen=True)
class ContractForm:
    """A filled wizard at its review, the button not pressed."""

    review: ReviewPage
    reference: str

    def shown(self) -> dict[str, str]:
        return self.review.shown()

    def submit(self, permit: Permit) -> Receipt:
        return self.review.submit("Concluir registro", permit, RegisteredPage).receipt(self.reference)


@dataclass(frozen=True)
class ValidationForm:
    """An open montante, the button not pressed."""

    detail: ValidationPage
    code: str

    def shown(self) -> dict[str, str]:
        return self.detail.shown()

    def submit(self, permit: Permit) -> Receipt:
        return self.detail.submit("Validar", permit, ValidatedPage).receipt(self.code)


def _standing(rows: list[Listed]) -> list[Listed]:
    """Each contract once; cancelled ones do not count."""
    return [row for row in {row.contract.code: row for row in rows}.values() if row.contract.state != ContractState.CANCELLED]


def _found(wanted: Registration, rows: list[Listed], *, protocol: bool = True) -> Found:
    """The rows as one finding, told by the one that bears the wanted reference; `count` says how many there are."""
    best = next((row for row in rows if row.contract.reference == wanted.reference), rows[0])
    held = best.contract
    shown = Registration(
        held.reference, held.seller_profile, held.buyer_profile, held.submarket, held.month, held.mw_average, held.modulation
    )
    return Found(held.reference, shown.fields(), best.protocol if protocol else "", len(rows))


def _must_hold(download: Download, stated: int) -> None:
    """Each contract file is a title, a header and one line a contract."""
    try:
        with zipfile.ZipFile(download.path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".csv") and "parcela" not in name]
            lines = sum(len(archive.read(name).splitlines()) - 2 for name in names)
    except zipfile.BadZipFile as error:
        raise IncompleteDownload(f"{download.name} is not a whole ZIP file", remedy="export it again") from error
    if lines != stated:
        raise IncompleteDownload(f"{download.name} holds {lines} contracts, the portal stated {stated}", remedy="export it again")
