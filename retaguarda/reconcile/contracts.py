"""ERP boletas, added up by CCEE's key, against the contracts that CCEE holds: in MWh and in MWmédio."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from retaguarda.model.contracts import Boleta, ContractKey, ContractState, HeldContract
from retaguarda.model.reconciliation import ContractComparison, ContractOutcome, ContractReconciliation
from retaguarda.model.values import Month, mw_average

MW_TOLERANCE = Decimal("0.0001")
MWH_TOLERANCE_PER_HOUR = Decimal("0.0005")
"""The ERP keeps MWh with three decimals, CCEE MWmédio with six: the way there and back costs this much at most."""
_SET_ASIDE = {ContractState.DRAFT, ContractState.CANCELLED}


def reconcile_contracts(
    boletas: Iterable[Boleta], held: Iterable[HeldContract], held_back: Mapping[ContractKey, str] | None = None
) -> ContractReconciliation:
    """Compare every key of either side, in the order of the keys; drafts and cancelled contracts do not count at CCEE.

    `held_back` tells, by key, why a contract was not registered on purpose: then its absence is no break.
    """
    ours: dict[ContractKey, list[Boleta]] = {}
    theirs: dict[ContractKey, list[HeldContract]] = {}
    set_aside: list[str] = []
    for boleta in boletas:
        ours.setdefault(boleta.key, []).append(boleta)
    for contract in held:
        if contract.state in _SET_ASIDE:
            set_aside.append(contract.code)
        else:
            theirs.setdefault(contract.key, []).append(contract)
    compared = [_compared(key, ours.get(key, []), theirs.get(key, [])) for key in sorted(ours.keys() | theirs.keys())]
    told = [_held_back(c, held_back or {}) for c in _misplaced(compared)]
    return ContractReconciliation(tuple(told), tuple(set_aside))


def _held_back(compared: ContractComparison, reasons: Mapping[ContractKey, str]) -> ContractComparison:
    reason = reasons.get((compared.seller_profile, compared.buyer_profile, compared.submarket, compared.month))
    if reason is None or compared.outcome is not ContractOutcome.MISSING_AT_CCEE:
        return compared
    return replace(compared, outcome=ContractOutcome.HELD_BACK, note=reason)


def _compared(key: ContractKey, boletas: list[Boleta], held: list[HeldContract]) -> ContractComparison:
    month = key[3]
    erp_mwh = sum((b.mwh for b in boletas), Decimal("0.000"))
    erp_mw, ccee_mw = mw_average(erp_mwh, month), sum((c.mw_average for c in held), Decimal("0.000000"))
    references = tuple(c.reference for c in held)
    return ContractComparison(
        _outcome(boletas, held, erp_mw, ccee_mw),
        *key,
        erp_mwh=erp_mwh,
        ccee_mwh=sum((c.mwh for c in held), Decimal("0.000")),
        erp_mw=erp_mw,
        ccee_mw=ccee_mw,
        validated=bool(held) and all(c.state is ContractState.VALIDATED for c in held),
        boletas=tuple(b.number for b in boletas),
        codes=tuple(c.code for c in held),
        references=references,
    )


def _outcome(boletas: list[Boleta], held: list[HeldContract], erp_mw: Decimal, ccee_mw: Decimal) -> ContractOutcome:
    if not held:
        return ContractOutcome.MISSING_AT_CCEE
    if not boletas:
        return ContractOutcome.MISSING_IN_ERP
    outcome = judged(erp_mw, ccee_mw, boletas[0].month, all(c.state is ContractState.VALIDATED for c in held))
    references = [c.reference for c in held if c.reference]
    twice = outcome is ContractOutcome.CCEE_LARGER and len(references) != len(set(references))
    return ContractOutcome.REGISTERED_TWICE if twice else outcome


def judged(erp_mw: Decimal, ccee_mw: Decimal, month: Month, validated: bool, effective_mw: Decimal | None = None) -> ContractOutcome:
    """What two volumes of one contract and month say; `effective_mw` is what the guarantee check left of what is registered."""
    if not equal(erp_mw, ccee_mw, month):
        return ContractOutcome.CCEE_LARGER if ccee_mw > erp_mw else ContractOutcome.ERP_LARGER
    if effective_mw is not None and effective_mw < ccee_mw and not equal(effective_mw, ccee_mw, month):
        return ContractOutcome.CUT_AT_GUARANTEE
    return ContractOutcome.OK if validated else ContractOutcome.NOT_VALIDATED


def equal(erp_mw: Decimal, ccee_mw: Decimal, month: Month) -> bool:
    """Whether two volumes in MWmédio differ by no more than the way from MWh and back costs."""
    difference = abs(erp_mw - ccee_mw)
    return difference <= MW_TOLERANCE and difference * month.hours <= MWH_TOLERANCE_PER_HOUR * month.hours


def _misplaced(compared: list[ContractComparison]) -> list[ContractComparison]:
    """Pair what is missing on both sides in equal volume and differs in one thing: the submarket, or one party's profile.

    The type of energy is a property of the seller's profile: another one is another profile.
    """
    paired = _paired(compared, ContractOutcome.WRONG_SUBMARKET, lambda c: (c.seller_profile, c.buyer_profile))
    paired = _paired(paired, ContractOutcome.WRONG_PROFILE, lambda c: (c.submarket, c.seller_profile))
    return _paired(paired, ContractOutcome.WRONG_PROFILE, lambda c: (c.submarket, c.buyer_profile))


def _paired(
    compared: list[ContractComparison], outcome: ContractOutcome, same: Callable[[ContractComparison], tuple[object, ...]]
) -> list[ContractComparison]:
    strays: dict[tuple[object, ...], list[ContractComparison]] = {}
    absent: dict[tuple[object, ...], list[ContractComparison]] = {}
    for one in compared:
        if one.outcome is ContractOutcome.MISSING_IN_ERP:
            strays.setdefault((*same(one), one.month), []).append(one)
        elif one.outcome is ContractOutcome.MISSING_AT_CCEE:
            absent.setdefault((*same(one), one.month), []).append(one)
    merged: dict[int, ContractComparison] = {}
    gone: set[int] = set()
    for key, mine in ((key, one) for key, ones in absent.items() for one in ones):
        fits = [c for c in strays.get(key, ()) if equal(mine.erp_mw, c.ccee_mw, c.month)]
        rivals = [m for m in absent[key] if fits and equal(m.erp_mw, fits[0].ccee_mw, m.month)]
        if len(fits) == 1 and len(rivals) == 1:  # between two that fit nobody guesses
            gone.add(id(fits[0]))
            merged[id(mine)] = _elsewhere(outcome, mine, fits[0])
    return [merged.get(id(c), c) for c in compared if id(c) not in gone]


def _elsewhere(outcome: ContractOutcome, mine: ContractComparison, stray: ContractComparison) -> ContractComparison:
    where = stray.submarket if outcome is ContractOutcome.WRONG_SUBMARKET else f"{stray.seller_profile} → {stray.buyer_profile}"
    return replace(
        mine,
        outcome=outcome,
        ccee_mwh=stray.ccee_mwh,
        ccee_mw=stray.ccee_mw,
        validated=stray.validated,
        codes=stray.codes,
        references=stray.references,
        note=f"CCEE: {where}",
    )
