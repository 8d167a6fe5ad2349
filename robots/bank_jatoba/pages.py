"""The one screen of Banco Jatobá that is not Seiva's: the statement with its choice of formats."""

from __future__ import annotations

from retaguarda.portal import Download
from robots.platforms import seiva
from robots.platforms.internet_banking import saved


class StatementPage(seiva.StatementPage):
    """Period, account and format of the statement."""

    def save(self) -> Download:
        """The shown period as OFX."""
        self.choose("Formato", "OFX (Money)")
        return saved(self, "Baixar extrato")
