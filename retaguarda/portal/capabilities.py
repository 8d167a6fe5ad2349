"""What a portal can be asked for, whatever its name: callers ask for the capability, never for the site.

`find*` answers None only when absence is proven on a page that proved itself; otherwise it raises.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from retaguarda.model.acts import Draft, Found
from retaguarda.model.charges import RemittanceFile
from retaguarda.model.contracts import HeldContract, Registration
from retaguarda.model.receivables import SettlementBatch
from retaguarda.model.values import Month, Period
from retaguarda.portal.downloads import Download


@runtime_checkable
class RegistersContracts(Protocol):
    """Registers contracts as the seller."""

    def find(self, wanted: Registration) -> Found | None: ...
    def draft(self, wanted: Registration) -> Draft: ...


@runtime_checkable
class ValidatesContracts(Protocol):
    """Validates, as the buyer, what sellers registered."""

    def pending_validations(self, month: Month) -> list[HeldContract]: ...
    def find_validation(self, wanted: Registration) -> Found | None: ...
    def draft_validation(self, wanted: Registration) -> Draft: ...


@runtime_checkable
class ExportsContracts(Protocol):
    """Downloads every contract the agent holds in a month."""

    def export(self, month: Month) -> Download: ...


@runtime_checkable
class ListsStatements(Protocol):
    """Downloads an account's statement of a period."""

    def statement(self, account: str, period: Period) -> Download: ...


@runtime_checkable
class DownloadsReturns(Protocol):
    """Downloads the boleto return files of a period."""

    def returns(self, account: str, period: Period) -> list[Download]: ...


@runtime_checkable
class IssuesBoletos(Protocol):
    """Hands remessas de cobrança in; what became of their titles stands in later retornos."""

    def find_remittance(self, wanted: RemittanceFile) -> Found | None: ...
    def draft_remittance(self, wanted: RemittanceFile) -> Draft: ...


@runtime_checkable
class ExportsErp(Protocol):
    """Downloads contracts and open receivables from the ERP, as CSV in the ERP's own words."""

    def contracts(self, month: Month) -> Download: ...
    def receivables(self, month: Month) -> Download: ...


@runtime_checkable
class PostsSettlements(Protocol):
    """Books payments on receivables in the ERP."""

    def find_settlement(self, wanted: SettlementBatch) -> Found | None: ...
    def draft_settlement(self, wanted: SettlementBatch) -> Draft: ...
