# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills an empty Tryton database with the sandbox's month; runs inside the ERP's environment, on no server.

Usage: python -m seed DATABASE CONFIG MONTH.json
"""

import datetime as dt
import json
import sys
from decimal import Decimal

from proteus import Model
from proteus import config as proteus_config
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, get_accounts
from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences
from trytond.modules.company.tests.tools import create_company, get_company
from trytond.pool import Pool
from trytond.transaction import Transaction, TransactionError

TERM_DAYS = 7
GROUPS = ("account.group_account", "account_statement.group_statement", "energy_contract.group_energy")


def main(database, config_file, month_file):
    with open(month_file, encoding="utf-8") as source:
        month = json.load(source)
    proteus_config.set_trytond(database, config_file=config_file)
    company = _company(month)
    with Transaction().start(database, 1, context={"company": company.id, "_skip_warnings": True}) as transaction:
        parties = _parties(month["companies"])
        contracts = _contracts(month["contracts"], parties)
        invoices = _invoices(month["invoices"], parties, contracts)
        transaction.commit()
    _post(database, company.id, invoices)
    _check(database, company.id, month["invoices"])
    _user()
    _forget_queue()


def _company(month):
    """The trader with its chart, fiscal year and bank journals: everything that a set-up wizard does."""
    brazil = Model.get("country.country")(name="Brasil", code="BR", code3="BRA", code_numeric="076")
    brazil.save()
    real = Model.get("currency.currency")(name="Real brasileiro", code="BRL", numeric_code="986", symbol="R$", rounding=Decimal("0.01"))
    real.rates.new(date=dt.date(2020, 1, 1), rate=Decimal(1))
    real.save()
    settings = Model.get("party.configuration")(1)
    settings.identifier_types = ["br_vat", "br_cpf"]  # br_vat is the CNPJ
    settings.save()
    create_company(party=_party(month["us"]), currency=real)
    company = get_company()
    create_chart(company)
    accounts = get_accounts(company)
    year = dt.date.fromisoformat(month["today"]).year
    span = (dt.date(year, 1, 1), dt.date(year, 12, 31))
    fiscal = set_fiscalyear_invoice_sequences(create_fiscalyear(company, today=span))
    fiscal.invoice_sequences[0].out_invoice_sequence.number_next = 1 + max(i["number"] for i in month["invoices"])
    fiscal.invoice_sequences[0].out_invoice_sequence.save()
    fiscal.click("create_period")
    _journals(month["accounts"], company, real, accounts["cash"])
    _products(accounts)
    return company


def _party(made):
    party = Model.get("party.party")(name=made["name"])
    party.lang, = Model.get("ir.lang").find([("code", "=", "pt")])
    party.identifiers.new(type="br_vat", code=made["cnpj"])
    address = party.addresses[0] if party.addresses else party.addresses.new()
    address.city = "São Paulo"
    address.country, = Model.get("country.country").find([("code", "=", "BR")])
    party.save()
    return party


def _journals(accounts, company, currency, cash):
    """One cash account and one statement journal for each bank account, with the rule that binds a receipt to its invoice."""
    account_journal, = Model.get("account.journal").find([("code", "=", "STA")], limit=1)
    for index, told in enumerate(accounts, 1):
        bank = Model.get("bank")(party=_party({"name": told["bank"], "cnpj": told["cnpj"]}))
        bank.save()
        account = Model.get("bank.account")(bank=bank, currency=currency)
        account.owners.append(Model.get("party.party")(company.party.id))
        account.numbers.new(type="other", number=told["number"])
        account.save()
        ledger_id, = Model.get("account.account").copy([cash], {"name": told["name"], "code": f"{cash.code}.{index}"})
        journal = Model.get("account.statement.journal")(
            name=told["name"], journal=account_journal, account=Model.get("account.account")(ledger_id),
            bank_account=account, currency=currency, validation="amount")
        journal.save()
        rule = Model.get("account.statement.rule")(
            name=f"Recebimento NF ({told['number']})", company=company, journal=journal, description=r"\bNF ?(?P<invoice>\d+)\b")
        rule.lines.new(amount="pending")
        rule.save()


def _products(accounts):
    category = Model.get("product.category")(name="Energia", accounting=True)
    category.account_expense, category.account_revenue = accounts["expense"], accounts["revenue"]
    category.save()
    measure = Model.get("product.uom.category")(name="Energia elétrica")
    measure.save()
    mwh = Model.get("product.uom")(name="Megawatt-hora", symbol="MWh", category=measure, rate=1.0, factor=1.0, rounding=0.001, digits=3)
    mwh.save()
    unit, = Model.get("product.uom").find([("symbol", "=", "u")], limit=1)
    for code, name, uom in (("ENERGIA", "Energia elétrica", mwh), ("SERVICO", "Serviço de gestão", unit)):
        template = Model.get("product.template")(name=name, default_uom=uom, type="service", list_price=Decimal(0), account_category=category)
        template.code = code
        template.save()
    term = Model.get("account.invoice.payment_term")(name=f"{TERM_DAYS} dias")
    term.lines.new(type="remainder").relativedeltas.new(days=TERM_DAYS)
    term.save()


def _parties(companies):
    """CNPJ → party."""
    country, = Pool().get("country.country").search([("code", "=", "BR")])
    lang, = Pool().get("ir.lang").search([("code", "=", "pt")])
    made = Pool().get("party.party").create([
        {
            "name": company["name"],
            "lang": lang.id,
            "identifiers": [("create", [{"type": "br_vat", "code": company["cnpj"]}])],
            "addresses": [("create", [{"city": "São Paulo", "country": country.id}])],
        }
        for company in companies
    ])
    return {company["cnpj"]: party for company, party in zip(companies, made, strict=True)}


def _contracts(contracts, parties):
    """Number → energy contract."""
    made = Pool().get("energy.contract").create([
        {
            **{name: told[name] for name in ("number", "direction", "submarket", "energy", "modulation", "seller_profile", "buyer_profile")},
            "party": parties[told["cnpj"]].id,
            "month": dt.date.fromisoformat(told["month"]),
            "quantity": Decimal(told["mwh"]),
            "price": Decimal(told["price"]),
        }
        for told in contracts
    ])
    return {contract.number: contract for contract in made}


def _invoices(invoices, parties, contracts):
    """Draft invoices with their numbers already given, as migrated ones have; in the order of their numbers."""
    made = [_invoice(told, parties[told["cnpj"]], contracts.get(told["boleta"])) for told in invoices]
    Pool().get("account.invoice").save(made)
    return [invoice.id for invoice in made]


def _invoice(told, party, contract):
    invoice = Pool().get("account.invoice")(type="out", number=str(told["number"]), party=party, energy_contract=contract)
    for name, value in Pool().get("account.invoice").default_get(["company", "currency", "journal", "state"], with_rec_name=False).items():
        setattr(invoice, name, value)
    invoice.on_change_type()
    invoice.on_change_party()
    invoice.payment_term, = Pool().get("account.invoice.payment_term").search([("name", "=", f"{TERM_DAYS} dias")])
    invoice.invoice_date = dt.date.fromisoformat(told["issue_date"])
    invoice.reference, invoice.description = told["boleta"] or None, told["description"]
    invoice.lines = [_line(invoice, told)]
    return invoice


def _line(invoice, told):
    line = Pool().get("account.invoice.line")(invoice=invoice, type="line", currency=invoice.currency, company=invoice.company)
    line.product, = Pool().get("product.product").search([("code", "=", "ENERGIA" if told["boleta"] else "SERVICO")])
    line.on_change_product()
    line.quantity, line.unit_price = float(told["quantity"]), Decimal(told["unit_price"])
    return line


def _post(database, company, ids):
    """Post as the server does, taking the locks that it asks for; the first alone, so that it asks early."""
    extras = {}
    for batch in (ids[:1], ids[1:]):
        while not _posted(database, company, batch, extras):
            pass


def _posted(database, company, ids, extras):
    """Whether the invoices were posted; else `extras` has learnt of one more lock."""
    with Transaction().start(database, 1, context={"company": company, "_skip_warnings": True}, **extras) as transaction:
        try:
            invoices = Pool().get("account.invoice")
            invoices.post(invoices.browse(ids))
        except TransactionError as error:
            transaction.rollback()
            error.fix(extras)
            return False
        transaction.commit()
        return True


def _forget_queue():
    """Nobody works off the queue: printing is done when somebody prints."""
    with Transaction().start(proteus_config.get_config().database_name, 1) as transaction:
        transaction.connection.cursor().execute("DELETE FROM ir_queue")
        transaction.commit()


def _check(database, company, wanted):
    """The ERP holds exactly what the month says; a difference is a defect of this file."""
    with Transaction().start(database, 1, context={"company": company}, readonly=True):
        for told, invoice in zip(wanted, Pool().get("account.invoice").search([], order=[("number", "ASC")]), strict=True):
            due, = [line.maturity_date for line in invoice.lines_to_pay]
            found = [invoice.number, invoice.reference or "", str(invoice.total_amount), str(invoice.amount_to_pay), invoice.state, str(due)]
            want = [str(told["number"]), told["boleta"], told["amount"], told["amount"], "posted", told["due_date"]]
            if found != want:
                raise AssertionError(f"seeded {found}, wanted {want}")


def _user():
    """The robot's user, in no group that it does not need; its password is set in the copy of each sandbox."""
    user = Model.get("res.user")(name="Robô da Retaguarda", login="robo")
    user.language, = Model.get("ir.lang").find([("code", "=", "pt")])
    find, context = Model.get("ir.model.data").get_id, proteus_config.get_config().context
    user.groups.extend([Model.get("res.group")(find(group, context)) for group in GROUPS])
    company = get_company()
    user.companies.append(company)
    user.company = company
    user.save()


if __name__ == "__main__":
    main(*sys.argv[1:])
