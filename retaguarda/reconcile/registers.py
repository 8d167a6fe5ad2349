"""The ERP's contracts against CCEE's register when both come as files: by CCEE's code, and by what a contract is where no code is told.

One CCEE contract may stand for several contracts of the ERP: those of one code, side and month add up. Volumes are judged as in
`contracts`; the code that a contract has in one month is learnt for its other months.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.model.reconciliation import ContractOutcome
from retaguarda.model.values import Month, mw_average
from retaguarda.reconcile.contracts import equal, judged

_Key = tuple[str, str, Month]


@dataclass(frozen=True, slots=True)
class ErpContract:
    """A contract of the ERP in one month of supply; `ccee_code` is empty where nobody wrote it down."""

    erp_id: str
    contract: str
    ccee_code: str
    side: str
    counterparty: str
    root: str
    submarket: str
    energy: str
    month: Month
    mwh: Decimal


@dataclass(frozen=True, slots=True)
class CceeContract:
    """A contract of CCEE's register in one month; `effective_mw` is what the guarantee check left of it, where the file says so."""

    ccee_id: str
    code: str
    side: str
    counterparty: str
    root: str
    submarket: str
    energy: str
    month: Month
    mwh: Decimal
    mw: Decimal
    validated: bool
    effective_mw: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RegisterComparison:
    """One CCEE contract and the ERP contracts that it stands for, or either alone; `how` tells what brought them together."""

    outcome: ContractOutcome
    month: Month
    erp_ids: tuple[str, ...]
    ccee_id: str
    code: str
    counterparty: str
    erp_mwh: Decimal
    ccee_mwh: Decimal
    erp_mw: Decimal
    ccee_mw: Decimal
    validated: bool
    how: str = ""
    note: str = ""

    @property
    def mwh_difference(self) -> Decimal:
        """CCEE minus ERP."""
        return self.ccee_mwh - self.erp_mwh


def compare(erp: Iterable[ErpContract], ccee: Iterable[CceeContract]) -> tuple[RegisterComparison, ...]:
    """Every contract of either side once, in the order of months and identifiers, whatever the order of the rows."""
    ours = sorted(erp, key=lambda c: (c.month, c.erp_id))
    theirs = sorted(ccee, key=lambda c: (c.month, c.ccee_id))
    found = _Pairing(ours, theirs).pairs()
    return tuple(sorted(found, key=lambda c: (c.month, c.erp_ids, c.ccee_id)))


class _Pairing:
    """Contracts of the ERP by the CCEE code they have, said or learnt."""

    def __init__(self, ours: list[ErpContract], theirs: list[CceeContract]) -> None:
        self.ours = ours
        self.held: dict[_Key, list[CceeContract]] = defaultdict(list)
        self.by_party: dict[tuple[str, str, Month], list[CceeContract]] = defaultdict(list)
        for contract in theirs:
            self.held[contract.code, contract.side, contract.month].append(contract)
            self.by_party[contract.root, contract.side, contract.month].append(contract)
        self.codes = {(c.code, c.side) for c in theirs}
        self.said = {(c.contract, c.side): c.ccee_code for c in ours if (c.ccee_code, c.side) in self.codes}
        self.taken = set(self.said.values()) | {c.ccee_code for c in ours}
        self.learnt = self._learn()

    def _learn(self) -> dict[tuple[str, str], str]:
        """The code of contracts whose code nobody wrote down, or wrote wrong: the one that agrees with most of their months.

        The best claims come first; where two are equally good nobody gets the code.
        """
        votes: Counter[tuple[str, str, str]] = Counter()
        for mine in self.ours:
            if (mine.contract, mine.side) not in self.said:
                for other in self.by_party[mine.root, mine.side, mine.month]:
                    if other.code not in self.taken:
                        votes[mine.contract, mine.side, other.code] += _likeness(mine, other)
        learnt: dict[tuple[str, str], str] = {}
        given: set[tuple[str, str]] = set()
        for size in sorted({count for count in votes.values() if count}, reverse=True):
            claims = [
                (c, s, code) for (c, s, code), count in votes.items() if count == size and (c, s) not in learnt and (code, s) not in given
            ]
            by_contract, by_code = Counter((c, s) for c, s, _ in claims), Counter((code, s) for _, s, code in claims)
            for contract, side, code in claims:
                if by_contract[contract, side] == 1 and by_code[code, side] == 1:
                    learnt[contract, side] = code
                given.add((code, side))
        return learnt

    def pairs(self) -> list[RegisterComparison]:
        """Every CCEE contract with what it stands for; first by code, then what is left on either side."""
        groups: dict[_Key, list[ErpContract]] = defaultdict(list)
        for mine in self.ours:
            known = (mine.contract, mine.side)
            code = mine.ccee_code if (mine.ccee_code, mine.side) in self.codes else self.said.get(known) or self.learnt.get(known, "")
            groups[code or f"?{mine.erp_id}", mine.side, mine.month].append(mine)
        out: list[RegisterComparison] = []
        for key, group in groups.items():
            out.extend(_judged(group, self.held.pop(key, [])))
        out.extend(_alone(stray) for strays in self.held.values() for stray in strays)
        return out


def _likeness(mine: ErpContract, other: CceeContract) -> int:
    """How much two contracts of one party, side and month are alike: volume first, then submarket and energy.

    A contract that names another code is believed, unless the volume says that the code was mistaken.
    """
    alike = (mine.submarket == other.submarket) + (mine.energy == other.energy)
    if equal(mw_average(mine.mwh, mine.month), other.mw, mine.month):
        return 4 + alike
    return 1 if alike == 2 and not mine.ccee_code else 0


def _judged(mine: list[ErpContract], held: list[CceeContract]) -> list[RegisterComparison]:
    """One comparison a CCEE contract; copies beyond what the ERP explains were registered twice."""
    mwh = sum((c.mwh for c in mine), Decimal("0.000"))
    month = mine[0].month
    mw = mw_average(mwh, month)
    if not held:
        return [_comparison(ContractOutcome.MISSING_AT_CCEE, mine, None, mwh, mw, "")]
    how = "code" if all(c.ccee_code == held[0].code for c in mine) else "learnt"
    whole = sum((c.mw for c in held), Decimal("0.000000"))
    if len(held) > 1 and equal(mw, whole, month):
        return [_comparison(_state(mine[0], c, c.mw), mine, c, c.mwh, c.mw, "parts") for c in held]
    first, *copies = held
    out = [_comparison(_state(mine[0], first, mw), mine, first, mwh, mw, how)]
    return out + [_comparison(ContractOutcome.REGISTERED_TWICE, mine, copy, mwh, mw, how) for copy in copies]


def _state(mine: ErpContract, held: CceeContract, mw: Decimal) -> ContractOutcome:
    if held.root != mine.root:
        return ContractOutcome.WRONG_PROFILE
    if held.submarket != mine.submarket:
        return ContractOutcome.WRONG_SUBMARKET
    if held.energy != mine.energy:
        return ContractOutcome.WRONG_ENERGY
    return judged(mw, held.mw, mine.month, held.validated, held.effective_mw)


def _comparison(
    outcome: ContractOutcome, mine: list[ErpContract], held: CceeContract | None, mwh: Decimal, mw: Decimal, how: str
) -> RegisterComparison:
    return RegisterComparison(
        outcome,
        mine[0].month,
        tuple(c.erp_id for c in mine),
        held.ccee_id if held else "",
        held.code if held else mine[0].ccee_code,
        mine[0].counterparty,
        mwh,
        held.mwh if held else Decimal("0.000"),
        mw,
        held.mw if held else Decimal("0.000000"),
        validated=bool(held and held.validated),
        how=how,
        note=_note(outcome, mine[0], held),
    )


def _note(outcome: ContractOutcome, mine: ErpContract, held: CceeContract | None) -> str:
    """What CCEE has where the ERP has something else."""
    if held is None:
        return ""
    told = {
        ContractOutcome.WRONG_SUBMARKET: f"ERP {mine.submarket}, CCEE {held.submarket}",
        ContractOutcome.WRONG_ENERGY: f"ERP {mine.energy}, CCEE {held.energy}",
        ContractOutcome.WRONG_PROFILE: f"ERP {mine.root}, CCEE {held.root}",
        ContractOutcome.CUT_AT_GUARANTEE: f"{held.effective_mw} MWmédio",
    }
    return told.get(outcome, "")


def _alone(held: CceeContract) -> RegisterComparison:
    nothing = Decimal("0.000")
    return RegisterComparison(
        ContractOutcome.MISSING_IN_ERP,
        held.month,
        (),
        held.ccee_id,
        held.code,
        held.counterparty,
        nothing,
        held.mwh,
        Decimal("0.000000"),
        held.mw,
        held.validated,
    )
