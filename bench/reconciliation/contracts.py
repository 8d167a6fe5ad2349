"""Contracts as the ERP has them and as CCEE holds them, month by month, with what went wrong."""

from __future__ import annotations

import calendar
from pathlib import Path

from bench.reconciliation.book import Book
from bench.reconciliation.register import bare

CCEE_COLUMNS = "ccee_id,ccee_code,side,counterparty_short,counterparty_root,submarket,source_type,month,mwh,mwm,status\n"
ERP_COLUMNS = "erp_id,contract,ccee_code,side,counterparty,counterparty_doc,submarket,source_type,month,mwh\n"
SUBMARKETS = ("SE/CO", "S", "NE", "N")
SOURCES = ("CONV", "CONV", "I5", "I5", "I1", "I0", "CQ5")
WRONG = (("missing", 0.030), ("not_validated", 0.020), ("volume", 0.018), ("submarket", 0.013))
TWICE = 0.018


class Contracts:
    """Both registers and the truth about them."""

    def __init__(self, book: Book) -> None:
        self.book, self.draw = book, book.draw
        self.ccee, self.erp, self.labels = [CCEE_COLUMNS], [ERP_COLUMNS], ["erp_id,ccee_id,month,status\n"]
        self._code = self.draw.between(1_500_000, 1_700_000)
        self.stranger = 9_100_000

    def write(self, folder: Path, count: int) -> dict[str, int]:
        for n in range(count):
            self._contract(n)
        (folder / "ccee_contracts.csv").write_text("".join(self.ccee), encoding="utf-8")
        (folder / "erp_contracts.csv").write_text("".join(self.erp), encoding="utf-8")
        (folder / "labels_ccee.csv").write_text("".join(self.labels), encoding="utf-8")
        return {"erp_contracts": len(self.erp) - 1, "ccee_contracts": len(self.ccee) - 1}

    def _contract(self, n: int) -> None:
        book, draw = self.book, self.draw
        partner = draw.pick(book.register.plants if draw.chance(0.3) else book.register.large)
        side = "BUY" if draw.chance(0.58) else "SELL"
        submarket, source = draw.pick(SUBMARKETS), draw.pick(SOURCES)
        self._code += draw.between(1, 5)
        who = (bare(partner.name)[:25], partner.doc[:8])
        mean = draw.between(300, 18_000)  # thousandths of a MWmédio
        for ahead in range(book.months):
            year, month = divmod(book.first.year * 12 + book.first.month - 1 + ahead, 12)
            hours = calendar.monthrange(year, month + 1)[1] * 24
            told = f"{year}-{month + 1:02d}"
            code = "" if draw.chance(0.17) else str(self._code)
            erp = f"E{len(self.erp):07d}"
            volume = mean * hours
            self.erp.append(
                f'{erp},CT-{400000 + n},{code},{side},"{partner.name}",{partner.doc},{submarket},{source},{told},{volume / 1000:.3f}\n'
            )
            self._held(erp, str(self._code), side, who, submarket, source, told, volume, hours)
            if draw.chance(0.004):
                self.stranger += draw.between(1, 9)
                ccee = self._add(
                    str(self.stranger), side, who, draw.pick(SUBMARKETS), source, told, draw.between(300, 18_000) * hours, hours
                )
                self.labels.append(f",{ccee},{told},not_in_erp\n")

    def _held(
        self, erp: str, code: str, side: str, who: tuple[str, str], submarket: str, source: str, told: str, volume: int, hours: int
    ) -> None:
        """What CCEE holds for one month of a contract."""
        draw, roll, status = self.draw, self.draw.random(), "ok"
        for name, share in WRONG:
            roll -= share
            if roll < 0:
                status = name
                break
        if status == "missing":
            self.labels.append(f"{erp},,{told},missing\n")
            return
        mean_volume = volume
        if status == "submarket":
            submarket = draw.pick([s for s in SUBMARKETS if s != submarket])
        if status == "volume":
            volume = round(volume * draw.pick((0.5, 0.9, 0.95, 0.98, 1.02, 1.1)))
        elif draw.chance(0.03):
            volume += draw.pick((-2, -1, 1, 2))  # the hourly modulation was rounded
        ccee = self._add(code, side, who, submarket, source, told, volume, hours, "PENDENTE" if status == "not_validated" else "VALIDADO")
        self.labels.append(f"{erp},{ccee},{told},{status}\n")
        if draw.chance(TWICE) and volume * 2 != mean_volume:  # two halves would be a whole
            copy = self._add(
                code, side, who, submarket, source, told, volume, hours, "PENDENTE" if status == "not_validated" else "VALIDADO"
            )
            self.labels.append(f"{erp},{copy},{told},duplicate\n")

    def _add(
        self,
        code: str,
        side: str,
        who: tuple[str, str],
        submarket: str,
        source: str,
        told: str,
        volume: int,
        hours: int,
        status: str = "VALIDADO",
    ) -> str:
        ccee = f"C{len(self.ccee):07d}"
        mean = f"{volume / 1000 / hours:.6f}"
        self.ccee.append(f"{ccee},{code},{side},{who[0]},{who[1]},{submarket},{source},{told},{volume / 1000:.3f},{mean},{status}\n")
        return ccee
