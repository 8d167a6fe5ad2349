"""One coherent month of a fictitious energy trader: the single source of what every sandbox portal is seeded with.

`build(seed)` is deterministic. Everything that the ERP, the CCEE and the banks hold about the month derives from it, so
the portals agree with each other except where a slip is planted on purpose (`Month.planted` names each one).
All companies, people and numbers are invented.
"""

from __future__ import annotations

import datetime as dt
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal

from sandbox.companies import CONV, CUSTOMERS, HORIZONTE, I5, SUPPLIERS, US, Company, Profile

SUPPLY_MONTH = dt.date(2026, 10, 1)
HOURS = 744
TODAY = dt.date(2026, 11, 11)
"""The sandbox's business date: MS+7du, the day on which registration closes."""
PERIOD = (dt.date(2026, 11, 1), dt.date(2026, 11, 10))
"""The statement period the month is closed on."""
DUE = dt.date(2026, 11, 10)
SUBMARKETS = ("SUDESTE", "SUL", "NORDESTE", "NORTE")
BOLETO_FEE = Decimal("1.90")
CENT = Decimal("0.01")


@dataclass(frozen=True)
class ErpContract:
    """A boleta: what the trading desk agreed, as the ERP holds it."""

    number: str
    direction: str  # sale | purchase
    counterparty: Company
    seller: Profile | None
    buyer: Profile | None
    submarket: str
    energy: str
    mwh: Decimal  # 3 decimals
    price: Decimal  # R$/MWh
    modulation: str = "Flat"


@dataclass(frozen=True)
class Invoice:
    """A customer invoice of the ERP; `number` is what the ERP's sequence gives it (consecutive from FIRST_INVOICE)."""

    number: int
    company: Company
    boleta: str  # "" when the invoice is not for energy of the month
    issue_date: dt.date
    due_date: dt.date
    quantity: Decimal
    unit_price: Decimal
    description: str
    method: str  # boleto | pix | ted

    @property
    def amount(self) -> Decimal:
        return money(self.quantity * self.unit_price)


@dataclass(frozen=True)
class CceeContract:
    """A contract that CCEE already holds when the month opens."""

    code: int
    reference: str
    seller: int
    buyer: int
    submarket: str
    mw_average: Decimal  # 6 decimals
    state: str  # NAO_VALIDADO | VALIDADO
    modulation: str = "Flat"


@dataclass(frozen=True)
class BankEntry:
    """One statement line; `account` is "A" or "B", `amount` is signed, `category` is CNAB 240's table."""

    account: str
    date: dt.date
    amount: Decimal
    text: str
    document: str
    category: str
    payer_cnpj: str = ""
    payer_name: str = ""


@dataclass(frozen=True)
class BoletoTitle:
    """A boleto settled in bank A's retorno de cobrança."""

    our_number: str
    document: str
    company: Company
    due_date: dt.date
    face: Decimal
    paid: Decimal
    fee: Decimal
    occurrence_date: dt.date
    credit_date: dt.date

    @property
    def net(self) -> Decimal:
        return self.paid - self.fee


@dataclass(frozen=True)
class Month:
    """Everything that the portals are seeded with; `planted` names each slip and the reference that bears it."""

    us: Company
    companies: tuple[Company, ...]
    contracts: tuple[ErpContract, ...]
    invoices: tuple[Invoice, ...]
    ccee: tuple[CceeContract, ...]
    entries: tuple[BankEntry, ...]
    titles: tuple[BoletoTitle, ...]
    opening: dict[str, Decimal]
    planted: dict[str, str] = field(default_factory=dict)

    def profiles(self) -> Iterator[tuple[Company, Profile]]:
        for company in (self.us, *self.companies):
            for profile in company.profiles:
                yield company, profile


FIRST_INVOICE = 4201


def money(value: Decimal) -> Decimal:
    """Rounded to cents, half up."""
    return value.quantize(CENT, ROUND_HALF_UP)


def mw_average(mwh: Decimal) -> Decimal:
    """MWh of the month as MWmédio, six decimals."""
    return (mwh / HOURS).quantize(Decimal("0.000001"), ROUND_HALF_UP)


BUSINESS_DAYS = tuple(dt.date(2026, 11, day) for day in (3, 4, 5, 6, 9, 10))


def build(seed: int = 42) -> Month:
    """The month for a seed: same seed, same month, on every machine and Python."""
    rnd = random.Random(seed)
    contracts, planted = _contracts(rnd)
    held = _ccee(contracts, planted)
    invoices = _invoices(rnd, contracts)
    payments = _payments(rnd, invoices, planted)
    return Month(
        us=US,
        companies=(*CUSTOMERS, *SUPPLIERS),
        contracts=contracts,
        invoices=invoices,
        ccee=held,
        entries=tuple(payments.entries),
        titles=tuple(payments.titles),
        opening={"A": Decimal("1284550.37"), "B": Decimal("412907.88")},
        planted=planted,
    )


def _mwh(rnd: random.Random) -> Decimal:
    return Decimal(rnd.randint(60_000, 1_900_000)) / 1000


def _sale_keys() -> list[tuple[Company, Profile, str]]:
    """Thirty (customer, our profile, submarket) keys: 28 of customers with a profile, one inactive, one without profile."""
    ours = {CONV: US.profiles[0], I5: US.profiles[1]}
    keys: list[tuple[Company, Profile, str]] = []
    for company in CUSTOMERS:
        if company.name.startswith(("Laticínios", "Papéis")):
            keys.append((company, ours[CONV], company.home))
            continue
        keys += [(company, ours[CONV], company.home), (company, ours[I5], company.home)]
        keys.append((company, ours[CONV], next(s for s in SUBMARKETS if s != company.home)))
    extra = [
        (CUSTOMERS[0], ours[I5], "NORTE"),
        (CUSTOMERS[3], ours[I5], "NORDESTE"),
        (CUSTOMERS[5], ours[CONV], "SUL"),
        (HORIZONTE, ours[CONV], "NORTE"),
    ]
    return (keys + extra)[:30]


def _purchase_keys() -> list[tuple[Company, Profile, Profile, str]]:
    """Fifteen (supplier, its profile, our profile, submarket) keys."""
    conv, incentive = US.profiles
    keys = [(SUPPLIERS[0], SUPPLIERS[0].profiles[0], incentive, s) for s in SUBMARKETS]
    keys += [(SUPPLIERS[1], SUPPLIERS[1].profiles[0], conv, s) for s in SUBMARKETS]
    keys += [(HORIZONTE, HORIZONTE.profiles[0], conv, s) for s in SUBMARKETS]
    keys += [(HORIZONTE, HORIZONTE.profiles[0], incentive, s) for s in SUBMARKETS[:3]]
    return keys


def _contracts(rnd: random.Random) -> tuple[tuple[ErpContract, ...], dict[str, str]]:
    planted: dict[str, str] = {}
    made: list[ErpContract] = []

    def add(direction: str, company: Company, seller: Profile | None, buyer: Profile | None, submarket: str, energy: str) -> str:
        number = f"BOL-2610-{len(made) + 1:04d}"
        price = Decimal(rnd.randint(14_000, 26_000)) / 100
        made.append(ErpContract(number, direction, company, seller, buyer, submarket, energy, _mwh(rnd), price))
        return number

    sales = _sale_keys()
    for index, (company, ours, submarket) in enumerate(sales):
        buyer = company.profiles[0] if company.profiles else None
        splits = 2 if index % 5 in (1, 3) and buyer and buyer.active else 1
        for _ in range(splits):
            number = add("sale", company, ours, buyer, submarket, ours.energy)
        if buyer is None:
            planted["incomplete_register"] = number
        elif not buyer.active:
            planted["refused_by_ccee"] = number
    for index, (company, seller, ours, submarket) in enumerate(_purchase_keys()):
        for _ in range(2 if index in (2, 6, 9) else 1):
            add("purchase", company, seller, ours, submarket, seller.energy)
    return tuple(made), planted


def groups(contracts: tuple[ErpContract, ...], direction: str) -> dict[tuple[int, int, str], list[ErpContract]]:
    """The CCEE contracts that the boletas of one direction add up to, in the order of their first boleta."""
    found: dict[tuple[int, int, str], list[ErpContract]] = {}
    for contract in contracts:
        if contract.direction == direction and contract.seller and contract.buyer:
            found.setdefault((contract.seller.code, contract.buyer.code, contract.submarket), []).append(contract)
    return found


def _ccee(contracts: tuple[ErpContract, ...], planted: dict[str, str]) -> tuple[CceeContract, ...]:
    held: list[CceeContract] = []

    def hold(reference: str, key: tuple[int, int, str], mw: Decimal, state: str) -> CceeContract:
        contract = CceeContract(1_692_100 + 7 * len(held), reference, *key, mw, state)
        held.append(contract)
        return contract

    for index, (key, boletas) in enumerate(groups(contracts, "purchase").items()):
        mw, first = mw_average(sum((b.mwh for b in boletas), Decimal())), boletas[0].number
        if index == 4:
            planted["wrong_mwh"] = first
            mw += Decimal("1.500000")
        if index == 11:
            planted["missing_at_ccee"] = first
            continue
        if index == 0:
            planted["already_validated"] = first
        hold(f"CV-{key[0]}-{index + 1:03d}", key, mw, "VALIDADO" if index == 0 else "NAO_VALIDADO")
    key, boletas = list(groups(contracts, "sale").items())[2]
    planted["already_registered"] = boletas[0].number
    hold(boletas[0].number, key, mw_average(sum((b.mwh for b in boletas), Decimal())), "NAO_VALIDADO")
    stray = hold("CV-70412-099", (HORIZONTE.profiles[0].code, US.profiles[1].code, "NORTE"), Decimal("0.840000"), "NAO_VALIDADO")
    planted["missing_in_erp"] = str(stray.code)
    return tuple(held)


def _invoices(rnd: random.Random, contracts: tuple[ErpContract, ...]) -> tuple[Invoice, ...]:
    made: list[Invoice] = []

    def add(company: Company, boleta: str, quantity: Decimal, price: Decimal, text: str, due: dt.date) -> None:
        method = ("boleto", "pix", "pix", "ted", "boleto", "pix", "ted")[len(made) % 7]
        issue = min(due - dt.timedelta(days=7), dt.date(2026, 11, 3))
        made.append(Invoice(FIRST_INVOICE + len(made), company, boleta, issue, due, quantity, price, text, method))

    for contract in contracts:
        if contract.direction == "sale":
            add(contract.counterparty, contract.number, contract.mwh, contract.price, "Suprimento de energia 10/2026", DUE)
    while len(made) < 80:
        company = CUSTOMERS[len(made) % len(CUSTOMERS)]
        old = len(made) % 3 == 0
        text = "Ajuste de suprimento 09/2026" if old else "Gestão de energia 10/2026"
        add(company, "", Decimal(1), Decimal(rnd.randint(85_000, 4_900_000)) / 100, text, dt.date(2026, 10, 29) if old else DUE)
    return tuple(made)


@dataclass
class _Payments:
    entries: list[BankEntry]
    titles: list[BoletoTitle]


def _payments(rnd: random.Random, invoices: tuple[Invoice, ...], planted: dict[str, str]) -> _Payments:
    """What customers paid and what else passed through the two accounts."""
    must_be_paid = {planted["refused_by_ccee"], planted["already_registered"], planted["incomplete_register"]}
    plain = [i for i in invoices if i.boleta and i.boleta not in must_be_paid]
    by_method = {m: [i for i in plain if i.method == m] for m in ("boleto", "pix", "ted")}
    partial, twice, withheld, rounded = by_method["pix"][3], by_method["pix"][5], by_method["ted"][2], by_method["ted"][4]
    planted["partial_payment"], planted["duplicated_payment"] = str(partial.number), str(twice.number)
    planted["withheld_tax"], planted["rounded_payment"] = str(withheld.number), str(rounded.number)
    unpaid = {i.number for i in (plain[8], plain[17], plain[26], plain[33])} - {
        partial.number,
        twice.number,
        withheld.number,
        rounded.number,
    }
    unpaid |= {i.number for i in invoices if not i.boleta and i.number % 5 == 0}
    out = _Payments([], [])
    for invoice in invoices:
        if invoice.number in unpaid:
            continue
        day = rnd.choice(BUSINESS_DAYS)
        if invoice.method == "boleto":
            out.titles.append(_title(invoice, day))
            continue
        amount = invoice.amount
        if invoice is partial:
            amount = money(amount * Decimal("0.40"))
        elif invoice is withheld:
            amount = money(amount * Decimal("0.9415"))
        elif invoice is rounded:
            amount -= Decimal("0.02")
        out.entries.append(_credit(invoice, amount, day, rnd))
        if invoice is twice:
            out.entries.append(replace(out.entries[-1], date=BUSINESS_DAYS[-1]))
    out.entries += _batches(out.titles)
    out.entries += _noise(rnd, 150 - len(out.entries))
    out.entries.sort(key=lambda e: (e.account, e.date, -e.amount, e.text, e.document))
    return out


def _title(invoice: Invoice, credit: dt.date) -> BoletoTitle:
    before = [d for d in (dt.date(2026, 10, 30), *BUSINESS_DAYS) if d < credit][-1]
    return BoletoTitle(
        f"{10_000_000 + invoice.number}",
        str(invoice.number),
        invoice.company,
        invoice.due_date,
        invoice.amount,
        invoice.amount,
        BOLETO_FEE,
        before,
        credit,
    )


def plain_text(name: str) -> str:
    """Upper case without accents, as banks print names."""
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).upper()


def _credit(invoice: Invoice, amount: Decimal, day: dt.date, rnd: random.Random) -> BankEntry:
    company, name = invoice.company, plain_text(invoice.company.name)
    referenced = bool(invoice.boleta) or rnd.random() < 0.5
    if invoice.method == "pix":
        text = f"PIX RECEBIDO NF{invoice.number} {name}"[:44] if referenced else f"PIX RECEBIDO {company.cnpj} {name}"[:44]
        return BankEntry("A", day, amount, text, f"{rnd.randint(100000, 999999)}", "213", company.cnpj, name)
    document = f"NF{invoice.number} {company.cnpj}" if referenced else company.cnpj
    return BankEntry("B", day, amount, "TED RECEBIDA", document, "209", company.cnpj, name)


def _batches(titles: list[BoletoTitle]) -> list[BankEntry]:
    days: dict[dt.date, Decimal] = {}
    for title in titles:
        days[title.credit_date] = days.get(title.credit_date, Decimal()) + title.net
    return [BankEntry("A", day, net, f"BOLETOS RECEBIDOS  {day:%d/%m}S", "", "202") for day, net in sorted(days.items())]


_NOISE: tuple[tuple[str, str, str, int, int], ...] = (
    # account, text, category, smallest and largest amount in cents (negative: debit)
    ("A", "SISPAG FORNECEDORES", "112", -48_000_00, -900_00),
    ("B", "PAGTO FORNECEDOR", "112", -62_000_00, -1_200_00),
    ("A", "TAR/CUSTAS COBRANCA", "105", -38_00, -2_00),
    ("B", "TARIFA PIX ENVIADO", "105", -9_90, -1_10),
    ("A", "PAGAMENTOS TRIB COD BARRAS DARF", "126", -22_000_00, -800_00),
    ("A", "REND PAGO APLIC AUT MAIS", "206", 1_10, 480_00),
    ("B", "RESGATE APLICACAO", "206", 5_000_00, 60_000_00),
    ("A", "APLICACAO AUTOMATICA", "106", -90_000_00, -5_000_00),
    ("B", "IOF", "110", -44_00, -80),
    ("A", "PIX ENVIADO FOLHA PAGAMENTO", "113", -18_000_00, -2_000_00),
)


def _noise(rnd: random.Random, count: int) -> list[BankEntry]:
    """Everything that is not a customer's payment, among it three transfers between the own accounts."""
    made: list[BankEntry] = []
    for day in (BUSINESS_DAYS[0], BUSINESS_DAYS[2], BUSINESS_DAYS[4]):
        amount = Decimal(rnd.randint(10_000_00, 80_000_00)) / 100
        made.append(BankEntry("A", day, -amount, "TRANSF ENTRE CONTAS MESMA TITULARIDADE", "000001", "117", US.cnpj, plain_text(US.name)))
        made.append(BankEntry("B", day, amount, "TRANSF MESMA TITULARIDADE", US.cnpj, "213", US.cnpj, plain_text(US.name)))
    while len(made) < count:
        account, text, category, low, high = _NOISE[len(made) % len(_NOISE)]
        amount = Decimal(rnd.randint(low, high)) / 100
        made.append(BankEntry(account, rnd.choice(BUSINESS_DAYS), amount, text, f"{rnd.randint(1000, 999999):06d}", category))
    return made
