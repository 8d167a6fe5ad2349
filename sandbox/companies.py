"""The companies of the fictitious month: the trader, its customers and its suppliers, with their profiles at CCEE."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """A CCEE agent profile (perfil de agente): contracts are between profiles, not agents."""

    code: int
    sigla: str
    energy: str  # Convencional | Incentivada-I5
    active: bool = True


@dataclass(frozen=True)
class Company:
    """An agent of CCEE with its profiles; `home` is the submarket it mostly trades in."""

    name: str
    cnpj: str
    agent: int
    profiles: tuple[Profile, ...]
    home: str


def cnpj(root_and_order: str) -> str:
    """The CNPJ with its check digits; letters count as ord-48 (alphanumeric CNPJ, July 2026)."""
    digits = root_and_order
    for weights in ((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)):
        rest = sum((ord(c) - 48) * w for c, w in zip(digits, weights, strict=True)) % 11
        digits += str(0 if rest < 2 else 11 - rest)
    return digits


def _company(name: str, root: str, agent: int, home: str, *profiles: tuple[int, str, str], inactive: bool = False) -> Company:
    made = tuple(Profile(code, sigla, energy, active=not inactive) for code, sigla, energy in profiles)
    return Company(name, cnpj(root if len(root) == 12 else root + "0001"), agent, made, home)


CONV, I5 = "Convencional", "Incentivada-I5"
US = _company(
    "Exemplo Comercializadora de Energia Ltda", "11222333", 9969, "SUDESTE", (86853, "EXEMPLO COM", CONV), (86854, "EXEMPLO COM I5", I5)
)
CUSTOMERS = (
    _company("Metalúrgica Aurora S.A.", "20418877", 10211, "SUDESTE", (70401, "AURORA CL", CONV)),
    _company("Shopping Vale Verde Ltda", "31755102", 10212, "SUDESTE", (70402, "VALE VERDE CL", CONV)),
    _company("Frigorífico Boa Vista Ltda", "04990251", 10213, "SUL", (70403, "BOA VISTA CL", CONV)),
    _company("Têxtil Santa Clara S.A.", "17208846", 10214, "SUL", (70404, "SANTA CLARA CL", CONV)),
    _company("Hospital São Lucas", "60114373", 10215, "SUDESTE", (70405, "SAO LUCAS CL", CONV)),
    _company("Cerâmica Ipê Ltda", "22880941", 10216, "NORDESTE", (70406, "IPE CL 514", CONV)),
    _company("Plásticos Jacarandá Ltda", "12ABC34501DE", 10217, "SUDESTE", (70407, "JACARANDA CL", CONV)),
    _company("Laticínios Serra Azul Ltda", "08177360", 10218, "SUL", (70408, "SERRA AZUL CL", CONV), inactive=True),
    _company("Papéis Araucária S.A.", "45330918", 10219, "NORDESTE"),
    _company("Horizonte Energia Comercializadora Ltda", "27604415", 10222, "SUDESTE", (70412, "HORIZONTE COM", CONV)),
)
SUPPLIERS = (
    _company("Eólica Ventos do Sertão S.A.", "33519027", 10220, "NORDESTE", (70410, "VENTOS SERTAO I5", I5)),
    _company("Usina Hidrelétrica Rio Claro S.A.", "09241770", 10221, "SUDESTE", (70411, "RIO CLARO PIE", CONV)),
)
HORIZONTE = CUSTOMERS[-1]
