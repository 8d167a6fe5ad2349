"""The screens of CCEE's Portal de Operações that the robot uses, in the order a person meets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, TypeVar
from urllib.parse import urlencode

from retaguarda.errors import NotEntitled, OutcomeUnknown, PortalChanged
from retaguarda.model.acts import Receipt
from retaguarda.model.contracts import ContractState, HeldContract, Registration, modulation, submarket
from retaguarda.model.values import Month, decimal_br
from retaguarda.portal import Credential, PortalPage

T = TypeVar("T")
STATES = {
    "Rascunho": ContractState.DRAFT,
    "Pendente de validação": ContractState.UNVALIDATED,
    "Validado": ContractState.VALIDATED,
    "Cancelado": ContractState.CANCELLED,
}
SUBMARKETS = {"SUDESTE": "Sudeste / Centro-Oeste", "SUL": "Sul", "NORDESTE": "Nordeste", "NORTE": "Norte"}
_FILTERS = {"Mês de suprimento": "month", "Referência": "reference", "Perfil vendedor": "seller", "Perfil comprador": "buyer"}
TOTAL = r"(\d+) contratos? encontrados?"


def read(what: str, meaning: Callable[[str], T], text: str) -> T:
    """The meaning of a text of the screen; PortalChanged when it has none."""
    try:
        return meaning(text)
    except (ValueError, KeyError) as error:
        raise PortalChanged(f"{what} cannot be read: {text!r}") from error


def profile(text: str) -> int:
    """The code in `70401 – AURORA CL`; raises ValueError when there is none."""
    return int(text.split(" – ", maxsplit=1)[0])


def month_br(month: Month) -> str:
    """How the portal's filters and forms take a month: `10/2026`."""
    return f"{month.month:02d}/{month.year}"


class LoginPage(PortalPage):
    """User and password."""

    heading = "Acesso ao sistema"
    signed_in = False

    def enter(self, credential: Credential) -> ChannelPage:
        self.fill("Usuário", credential.user)
        self.fill_secret("Senha", credential.secret("password").reveal())
        return self.press("Entrar", ChannelPage)


class ChannelPage(PortalPage):
    """Where the code shall be sent to."""

    heading = "Verificação em duas etapas"
    signed_in = False

    def by_mail(self) -> CodePage:
        return self.press("E-mail", CodePage)


class CodePage(PortalPage):
    """The code that came by mail."""

    heading = "Código de acesso"
    signed_in = False

    def confirm(self, code: str) -> HomePage:
        self.fill_secret("Código de acesso", code)
        return self.press("Ok", HomePage)


class HomePage(PortalPage):
    """The menu behind the entrance."""

    heading = "Menu de acessos"


@dataclass(frozen=True)
class Listed:
    """A row of a list of contracts: what it tells, and the protocol of the registration."""

    contract: HeldContract
    protocol: str


class ListPage(PortalPage):
    """A list of contracts over several pages that states its total."""

    caption: ClassVar[str]

    def listed(self) -> list[Listed]:
        """This page's rows."""
        return [self._row(row) for row in self.rows(self.caption)]

    def pages(self) -> Iterator[tuple[Self, list[Listed]]]:
        """Every page with its rows; PortalChanged at the end unless they were as many, and as different, as the portal states."""
        page, total, codes = self, self.stated_total(TOTAL), list[str]()
        while True:
            rows = page.listed()
            codes += [row.contract.code for row in rows]
            yield page, rows
            if len(codes) > total or not self.page.get_by_role("link", name="Próxima", exact=True).count():
                break
            page = page.press("Próxima", type(self), role="link")
        if not len(codes) == len(set(codes)) == total == page.stated_total(TOTAL):
            raise PortalChanged(f"{self.heading} states {total} contracts and shows {len(codes)} rows of {len(set(codes))} contracts")

    def everything(self) -> list[Listed]:
        """The rows of all pages, proven complete."""
        return [row for _, rows in self.pages() for row in rows]

    def _row(self, row: dict[str, str]) -> Listed:
        try:
            contract = HeldContract(
                code=row["Código"],
                reference=row["Referência"],
                seller_profile=profile(row["Vendedor"]),
                buyer_profile=profile(row["Comprador"]),
                seller=row["Vendedor"].partition(" – ")[2],
                buyer=row["Comprador"].partition(" – ")[2],
                submarket=submarket(row["Submercado"]),
                month=Month.parse(row["Mês"]),
                mw_average=decimal_br(row["Montante (MWmédio)"]),
                modulation=modulation(row["Modulação"]),
                state=STATES[row["Situação"]],
            )
            return Listed(contract, row["Protocolo"])
        except (ValueError, KeyError) as error:
            raise PortalChanged(f"{self.heading}: a row cannot be read: {error}") from error


class ContractsPage(ListPage):
    """Every contract of the agent, as seller or buyer."""

    heading = "Contratos"
    caption = "Contratos"

    @staticmethod
    def path(filters: Mapping[str, str]) -> str:
        """The address of the narrowed list: its filters are a GET form, and a link to it takes a third of the time of typing."""
        return "/contratos?" + urlencode({_FILTERS[label]: text for label, text in filters.items()})

    def asked(self, filters: Mapping[str, str]) -> Self:
        """This list, when every filter of its form shows what was asked for; PortalChanged otherwise."""
        for label in _FILTERS:
            if self.value(label) != filters.get(label, ""):
                raise PortalChanged(f"the list is filtered by {label} {self.value(label)!r} instead of {filters.get(label, '')!r}")
        return self


class PendingPage(ListPage):
    """What waits for our validation as the buyer."""

    heading = "Validações pendentes"
    caption = "Montantes pendentes de validação"

    def consult(self, month: Month) -> Self:
        self.fill("Mês de suprimento", month_br(month))
        return self.press("Consultar", type(self))

    def open(self, code: str) -> ValidationPage:
        """The detail of a contract of this page."""
        return self.press(code, ValidationPage, role="link")


class SummaryPage(PortalPage):
    """A screen that shows all values of one contract as a list of terms."""

    def shown(self) -> dict[str, str]:
        """The contract as the screen shows it, in the canonical text of `Registration.fields`."""
        return Registration(
            reference=self.fact("Referência"),
            seller_profile=read("Perfil vendedor", profile, self.fact("Perfil vendedor")),
            buyer_profile=read("Perfil comprador", profile, self.fact("Perfil comprador")),
            submarket=read("Submercado", submarket, self.fact("Submercado de entrega")),
            month=read("Mês", Month.parse, self.fact("Mês de suprimento")),
            mw_average=read("Montante", decimal_br, self.fact("Montante (MWmédio)")),
            modulation=read("Modulação", modulation, self.fact("Modulação")),
        ).fields()


class ReceiptPage(PortalPage):
    """The portal's receipt for an act."""

    about: ClassVar[str]

    def receipt(self, expected: str) -> Receipt:
        """The protocol, when the receipt is about what was pressed; OutcomeUnknown when it is about something else."""
        about = self.fact(self.about)
        if about != expected:
            raise OutcomeUnknown(f"the receipt is about {about}, not about {expected}")
        return Receipt(self.fact("Protocolo"), " ".join(self.page.get_by_role("status").first.inner_text().split()))


class ValidationPage(SummaryPage):
    """One montante with the button that validates it."""

    heading = "Validar montante"


class ValidatedPage(ReceiptPage):
    """The receipt of a validation."""

    heading = "Montante validado"
    about = "Código do contrato"


class GeneralPage(PortalPage):
    """First step of a new contract: who, what, where, when."""

    heading = "Novo contrato – Dados gerais"

    def fill_in(self, wanted: Registration) -> AmountsPage:
        self.fill("Referência", wanted.reference)
        self._choose_seller(wanted.seller_profile)
        self._look_up_buyer(wanted.buyer_profile)
        self.choose("Submercado de entrega", SUBMARKETS[wanted.submarket])
        self.fill("Mês de suprimento", month_br(wanted.month))
        self.fill("Início da vigência", f"{wanted.month.first:%d/%m/%Y} 00")
        self.fill("Fim da vigência", f"{wanted.month.last:%d/%m/%Y} 23")
        return self.press("Avançar", AmountsPage)

    def _choose_seller(self, code: int) -> None:
        """The portal offers our own profiles only, as code and sigla."""
        offered = self.field("Perfil vendedor").locator("option").all_inner_texts()
        named = [" ".join(text.split()) for text in offered if text.strip().startswith(f"{code} ")]
        if not named:
            raise NotEntitled(f"the portal does not offer the seller profile {code} to this user")
        self.choose("Perfil vendedor", named[0])

    def _look_up_buyer(self, code: int) -> None:
        """Leaving the field makes the portal look the profile up; its sigla, or a refusal, appears."""
        self.fill("Perfil comprador", str(code))
        self.field("Perfil comprador").blur()
        self.field("Sigla do comprador").or_(self.page.get_by_role("alert")).filter(visible=True).first.wait_for()
        self.prove()


class AmountsPage(PortalPage):
    """Second step: how much, in MWmédio with a decimal comma."""

    heading = "Novo contrato – Montantes"

    def fill_in(self, wanted: Registration) -> ModulationPage:
        self.fill("Montante (MWmédio)", f"{wanted.mw_average:.6f}".replace(".", ","))
        return self.press("Avançar", ModulationPage)


class ModulationPage(PortalPage):
    """Third step: how the month is spread over its hours. A contract with the same key makes the portal object here."""

    heading = "Novo contrato – Modulação"

    def fill_in(self, wanted: Registration) -> ReviewPage:
        self.choose("Tipo de modulação", wanted.modulation)
        return self.press("Avançar", ReviewPage)


class ReviewPage(SummaryPage):
    """Last step: everything once more, with the button that registers."""

    heading = "Novo contrato – Conferência"


class RegisteredPage(ReceiptPage):
    """The receipt of a registration."""

    heading = "Contrato registrado"
    about = "Referência"


class ExportPage(PortalPage):
    """Asks the portal for a month's file."""

    heading = "Exportar contratos"

    def generate(self, month: Month) -> ExportedPage:
        self.fill("Mês de suprimento", month_br(month))
        return self.press("Gerar arquivo", ExportedPage)


class ExportedPage(PortalPage):
    """The file's link, good for one use in this browser."""

    heading = "Arquivo gerado"

    def stated(self) -> int:
        return read("Contratos no arquivo", int, self.fact("Contratos no arquivo"))

    def fetch(self) -> None:
        self.page.get_by_role("link", name="Baixar arquivo", exact=True).click()
