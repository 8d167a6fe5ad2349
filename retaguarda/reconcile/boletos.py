"""What the bank answered to a remessa: each title confirmed, rejected with reasons, or still without an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retaguarda.model.charges import Beneficiary, Charge, Instruction, Remittance
from retaguarda.model.our_numbers import check_digit
from retaguarda.model.statements import Title

CONFIRMS: Mapping[Instruction, frozenset[str]] = {
    Instruction.ENTRY: frozenset({"02"}),
    Instruction.CANCEL: frozenset({"09"}),
    Instruction.NEW_DUE: frozenset({"14", "27"}),
}
"""Movements of a retorno (FEBRABAN C044) that say an instruction was carried out."""
REJECTS: Mapping[Instruction, frozenset[str]] = {
    Instruction.ENTRY: frozenset({"03"}),
    Instruction.CANCEL: frozenset({"26"}),
    Instruction.NEW_DUE: frozenset({"26", "30"}),
}
"""Movements that say it was not."""
OWN_TABLES = frozenset({"341"})
"""Banks whose reasons are not FEBRABAN's."""
REASONS: Mapping[str, str] = {
    "01": "Código do banco inválido",
    "02": "Tipo de registro inválido",
    "03": "Segmento inválido",
    "04": "Movimento não permitido para a carteira",
    "05": "Código de movimento inválido",
    "06": "Inscrição do beneficiário inválida",
    "07": "Agência, conta ou dígito inválidos",
    "08": "Nosso número inválido",
    "09": "Nosso número duplicado",
    "10": "Carteira inválida",
    "11": "Forma de cadastramento inválida",
    "12": "Tipo de documento inválido",
    "13": "Identificação da emissão do boleto inválida",
    "14": "Identificação da distribuição do boleto inválida",
    "15": "Características da cobrança incompatíveis",
    "16": "Data de vencimento inválida",
    "17": "Vencimento anterior à emissão",
    "18": "Vencimento fora do prazo da operação",
    "19": "Vencimento próximo demais para banco correspondente",
    "20": "Valor do título inválido",
    "21": "Espécie do título inválida",
    "22": "Espécie não permitida para a carteira",
    "23": "Aceite inválido",
    "24": "Data de emissão inválida",
    "25": "Emissão posterior à data de entrada",
    "26": "Código de juros de mora inválido",
    "27": "Valor ou taxa de juros de mora inválidos",
    "28": "Código do desconto inválido",
    "29": "Desconto maior ou igual ao valor do título",
    "30": "Desconto a conceder não confere",
    "31": "Já existe desconto anterior",
    "32": "Valor do IOF inválido",
    "33": "Valor do abatimento inválido",
    "34": "Abatimento maior ou igual ao valor do título",
    "35": "Abatimento a conceder não confere",
    "36": "Já existe abatimento anterior",
    "37": "Código de protesto inválido",
    "38": "Prazo de protesto inválido",
    "39": "Protesto não permitido para o título",
    "40": "Título com ordem de protesto emitida",
    "41": "Cancelamento de protesto sem instrução de protesto",
    "42": "Código de baixa ou devolução inválido",
    "43": "Prazo de baixa ou devolução inválido",
    "44": "Código da moeda inválido",
    "45": "Nome do pagador não informado",
    "46": "Inscrição do pagador inválida",
    "47": "Endereço do pagador não informado",
    "48": "CEP inválido",
    "49": "CEP sem praça de cobrança",
    "50": "CEP de banco correspondente",
    "51": "CEP incompatível com a UF",
    "52": "UF inválida",
    "53": "Inscrição do sacador ou avalista inválida",
    "54": "Sacador ou avalista não informado",
    "57": "Código da multa inválido",
    "58": "Data da multa inválida",
    "59": "Valor ou percentual da multa inválidos",
    "60": "Movimento para título não cadastrado",
    "63": "Entrada para título já cadastrado",
}
"""FEBRABAN C047, reasons A (entry and instruction rejected): the bank's words, shown as they are in every language."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An instruction that the bank carried out, with the title that says so."""

    charge: Charge
    title: Title

    @property
    def differs(self) -> bool:
        """Whether the bank holds another value or due date than was sent; an answer that tells none does not differ."""
        title = self.title
        return bool(title.face_value and title.face_value != self.charge.face_value) or (
            title.due_date is not None and title.due_date != self.charge.due_date
        )


@dataclass(frozen=True, slots=True)
class Rejected:
    """An instruction that the bank refused, with its reasons in words."""

    charge: Charge
    title: Title
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """Every charge of a remessa once, in its order: confirmed, rejected, or silent as long as the bank said nothing."""

    confirmed: tuple[Confirmed, ...]
    rejected: tuple[Rejected, ...]
    silent: tuple[Charge, ...]

    @property
    def complete(self) -> bool:
        return not self.silent


def confirmations(remittance: Remittance, titles: Iterable[Title]) -> Answers:
    """What the titles of later retornos, oldest first, answer to a remessa; the last answer to a charge counts.

    A title belongs to the charge with its nosso número in full width, with or without check digit (Caixa also without its 14,
    Bradesco also behind its carteira). Zeros are not stripped: 1 with check digit 4 is not 14. Movements that are no answer to
    the instruction, and titles of other remessas, say nothing here.
    """
    asked = {key: charge for charge in remittance.charges for key in _keys(remittance.beneficiary, charge)}
    last: dict[Charge, Title] = {}
    for title in titles:
        for instruction in Instruction:
            charge = asked.get((instruction, title.our_number.strip().upper()))
            if charge and title.movement in CONFIRMS[instruction] | REJECTS[instruction]:
                last[charge] = title
    answered = [(charge, last[charge]) for charge in remittance.charges if charge in last]
    bank = remittance.beneficiary.bank
    return Answers(
        confirmed=tuple(Confirmed(*pair) for pair in answered if _is_confirmed(*pair)),
        rejected=tuple(Rejected(*pair, _reasons(bank, pair[1])) for pair in answered if not _is_confirmed(*pair)),
        silent=tuple(charge for charge in remittance.charges if charge not in last),
    )


def _keys(owner: Beneficiary, charge: Charge) -> set[tuple[Instruction, str]]:
    """How a retorno may spell the charge's nosso número."""
    number, digit = charge.our_number, check_digit(owner, charge.our_number)
    spellings = {number, number + digit}
    if owner.bank == "104":
        spellings |= {number[2:], number[2:] + digit}
    if owner.bank == "237":
        spellings.add(f"{owner.wallet.zfill(3)}00000{number}{digit}")
    return {(charge.instruction, spelling) for spelling in spellings}


def _is_confirmed(charge: Charge, title: Title) -> bool:
    return title.movement in CONFIRMS[charge.instruction]


def _reasons(bank: str, title: Title) -> tuple[str, ...]:
    table = {} if bank in OWN_TABLES else REASONS
    return tuple(table.get(code, f"Motivo {code} da tabela do banco") for code in title.reasons)
