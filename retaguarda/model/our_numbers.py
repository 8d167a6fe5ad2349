"""The nosso número of each bank with its check digit, and the free field (campo livre) of its boletos.

Sources: the banks' manuals of cobrança (Itaú, Bradesco, Santander, Banco do Brasil with a convênio of seven digits, Caixa SIGCB).
Numbers stand in their full width, without check digit. Other banks have no rule here: their number is taken as it is (up to 20
digits, FEBRABAN), and their free field comes from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from retaguarda.model.boleto import Boleto, mod10, remainder11
from retaguarda.model.charges import Beneficiary, Charge

ITAU_WALLET_ALONE = frozenset({"126", "131", "146", "150", "168"})
"""Itaú: carteiras whose DAC covers carteira and nosso número only; some sources add 112, the manual as known here does not."""
ITAU_OTHER_FREE_FIELD = frozenset({"107", "122", "142", "143", "196", "198"})
"""Itaú: carteiras whose free field carries the seu número instead of branch and account."""
FEBRABAN_WIDTH = 20


@dataclass(frozen=True, slots=True)
class Numbering:
    """A bank's rule: width of the number without check digit, its check digit, its free field."""

    width: int
    digit: Callable[[Beneficiary, str], str]
    free: Callable[[Beneficiary, str], str]


def our_number(beneficiary: Beneficiary, ordinal: int) -> str:
    """The nosso número of our `ordinal`-th title, in full width, without check digit; raises ValueError when it does not fit.

    Banco do Brasil begins with the convênio, Caixa with 14 (registered, issued by the beneficiary); others with zeros.
    """
    start = {"001": beneficiary.agreement.zfill(7), "104": "14"}.get(beneficiary.bank, "")
    width = number_width(beneficiary) or FEBRABAN_WIDTH
    if ordinal < 1 or len(start) + len(str(ordinal)) > width:
        raise ValueError(f"the title's ordinal {ordinal} does not fit a nosso número of {width} digits")
    return start + str(ordinal).zfill(width - len(start))


def number_width(beneficiary: Beneficiary) -> int | None:
    """How many digits the bank's nosso número has without check digit; None where any number up to 20 digits goes."""
    rule = NUMBERINGS.get(beneficiary.bank)
    return rule.width if rule else None


def check_digit(beneficiary: Beneficiary, number: str) -> str:
    """The check digit of a nosso número, empty where the bank has none; raises ValueError when a part does not fit."""
    rule = NUMBERINGS.get(beneficiary.bank)
    return rule.digit(beneficiary, _fitted(number, rule.width, "nosso número")) if rule else ""


def free_field(beneficiary: Beneficiary, number: str) -> str:
    """The 25 digits of a boleto's free field; raises ValueError when a part does not fit or the bank's rule is not known."""
    rule = NUMBERINGS.get(beneficiary.bank)
    if rule is None:
        raise ValueError(f"the free field of bank {beneficiary.bank} is not known")
    return rule.free(beneficiary, _fitted(number, rule.width, "nosso número"))


def boleto_of(beneficiary: Beneficiary, charge: Charge) -> Boleto:
    """The boleto of a charge, with bar code and line; raises ValueError when a part does not fit."""
    return Boleto.issued(beneficiary.bank, charge.due_date, charge.face_value, free_field(beneficiary, charge.our_number))


def itau_account_digit(branch: str, account: str) -> str:
    """Itaú's DAC of branch and account, mod 10 over both: `1248` and `02124` give 6."""
    return str(mod10(_fitted(branch, 4, "agência") + _fitted(account, 5, "conta")))


def _fitted(text: str, width: int, name: str) -> str:
    """`text` with leading zeros up to `width`; raises ValueError when it is longer or no number."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"the {name} must be a number, not {text!r}")
    digits = text.lstrip("0").zfill(width)
    if len(digits) > width:
        raise ValueError(f"the {name} {text} is longer than {width} digits")
    return digits


def _zero_above_nine(digits: str) -> str:
    """11 less the remainder, 0 where that is 10 or 11."""
    check = 11 - remainder11(digits)
    return str(check if check < 10 else 0)


def _itau_digit(beneficiary: Beneficiary, number: str) -> str:
    wallet = _fitted(beneficiary.wallet, 3, "carteira")
    account = _fitted(beneficiary.branch, 4, "agência") + _fitted(beneficiary.account, 5, "conta")
    return str(mod10(("" if wallet in ITAU_WALLET_ALONE else account) + wallet + number))


def _itau_free(beneficiary: Beneficiary, number: str) -> str:
    branch, account = _fitted(beneficiary.branch, 4, "agência"), _fitted(beneficiary.account, 5, "conta")
    wallet = _fitted(beneficiary.wallet, 3, "carteira")
    if wallet in ITAU_OTHER_FREE_FIELD:
        raise ValueError(f"the free field of Itaú's carteira {wallet} is not known")
    return f"{wallet}{number}{_itau_digit(beneficiary, number)}{branch}{account}{itau_account_digit(branch, account)}000"


def _bradesco_digit(beneficiary: Beneficiary, number: str) -> str:
    """Mod 11 with weights 2 to 7 over carteira and number: remainder 0 gives 0, remainder 1 gives P."""
    remainder = remainder11(_fitted(beneficiary.wallet, 2, "carteira") + number, top=7)
    return {0: "0", 1: "P"}.get(remainder, str(11 - remainder))


def _bradesco_free(beneficiary: Beneficiary, number: str) -> str:
    branch, account = _fitted(beneficiary.branch, 4, "agência"), _fitted(beneficiary.account, 7, "conta")
    return f"{branch}{_fitted(beneficiary.wallet, 2, 'carteira')}{number}{account}0"


def _santander_digit(_: Beneficiary, number: str) -> str:
    return _zero_above_nine(number)


def _santander_free(beneficiary: Beneficiary, number: str) -> str:
    """9, código do beneficiário (7), nosso número with DV (13), IOF 0, carteira (3)."""
    agreement, wallet = _fitted(beneficiary.agreement, 7, "código do beneficiário"), _fitted(beneficiary.wallet, 3, "carteira")
    return f"9{agreement}{number}{_santander_digit(beneficiary, number)}0{wallet}"


def _brasil_free(beneficiary: Beneficiary, number: str) -> str:
    """Six zeros, the 17 digits (convênio 7 and number 10), carteira (2)."""
    return f"000000{number}{_fitted(beneficiary.wallet, 2, 'carteira')}"


def _caixa_digit(_: Beneficiary, number: str) -> str:
    return _zero_above_nine(number)


def _caixa_free(beneficiary: Beneficiary, number: str) -> str:
    """Código do beneficiário with DV (6 + 1; seven digits have none), the number in three parts between 1 and 4, DV of all."""
    agreement = beneficiary.agreement.lstrip("0").zfill(6)
    owner = _fitted(agreement, 7, "código do beneficiário") if len(agreement) > 6 else f"{agreement}{_zero_above_nine(agreement)}"
    field = f"{owner}{number[2:5]}{number[0]}{number[5:8]}{number[1]}{number[8:]}"
    return f"{field}{_zero_above_nine(field)}"


NUMBERINGS: Mapping[str, Numbering] = {
    "001": Numbering(17, lambda _, __: "", _brasil_free),
    "033": Numbering(12, _santander_digit, _santander_free),
    "104": Numbering(17, _caixa_digit, _caixa_free),
    "237": Numbering(11, _bradesco_digit, _bradesco_free),
    "341": Numbering(8, _itau_digit, _itau_free),
}
"""The banks with a rule of their own."""
