# SPDX-License-Identifier: GPL-3.0-or-later
"""A contract of energy for one month of supply, with what CCEE needs to register it."""

import calendar
from decimal import ROUND_HALF_UP, Decimal

from trytond.model import ModelSQL, ModelView, Unique, fields
from trytond.modules.currency.fields import Monetary
from trytond.pool import Pool
from trytond.pyson import Eval
from trytond.transaction import Transaction

MW = Decimal("0.000001")


class EnergyContract(ModelSQL, ModelView):
    __name__ = "energy.contract"
    _rec_name = "number"

    company = fields.Many2One("company.company", "Company", required=True)
    number = fields.Char("Number", required=True)
    direction = fields.Selection([("sale", "Sale"), ("purchase", "Purchase")], "Direction", required=True)
    party = fields.Many2One("party.party", "Counterparty", required=True, context={"company": Eval("company", -1)}, depends={"company"})
    cnpj = fields.Function(fields.Char("CNPJ"), "on_change_with_cnpj")
    seller_profile = fields.Char("Seller Profile", help="Code of the seller's agent profile at CCEE.")
    buyer_profile = fields.Char("Buyer Profile", help="Code of the buyer's agent profile at CCEE.")
    submarket = fields.Selection(
        [("SUDESTE", "SUDESTE"), ("SUL", "SUL"), ("NORDESTE", "NORDESTE"), ("NORTE", "NORTE")],
        "Submarket", required=True, sort=False, translate=False)
    energy = fields.Selection(
        [("Convencional", "Convencional"), ("Incentivada-I5", "Incentivada-I5")], "Energy Type", required=True, translate=False)
    month = fields.Date("Month", required=True, help="First day of the month of supply.")
    quantity = fields.Numeric("MWh", digits=(16, 3), required=True, domain=[("quantity", ">", 0)])
    mw_average = fields.Function(fields.Numeric("Average MW", digits=(16, 6)), "on_change_with_mw_average")
    currency = fields.Function(fields.Many2One("currency.currency", "Currency"), "on_change_with_currency")
    price = Monetary("Price", currency="currency", digits="currency", required=True, help="In the company's currency by MWh.")
    modulation = fields.Selection([("Flat", "Flat"), ("Declarada", "Declarada")], "Modulation", required=True, translate=False)
    ccee_code = fields.Char("CCEE Code")
    invoices = fields.One2Many("account.invoice", "energy_contract", "Invoices", readonly=True)

    @classmethod
    def __setup__(cls):
        super().__setup__()
        table = cls.__table__()
        cls._order.insert(0, ("number", "ASC"))
        cls._sql_constraints += [
            ("number_unique", Unique(table, table.company, table.number), "energy_contract.msg_number_unique"),
            ]

    @staticmethod
    def default_company():
        return Transaction().context.get("company")

    @staticmethod
    def default_modulation():
        return "Flat"

    @staticmethod
    def default_month():
        return Pool().get("ir.date").today().replace(day=1)

    @fields.depends("party")
    def on_change_with_cnpj(self, name=None):
        if self.party and self.party.tax_identifier:
            return self.party.tax_identifier.code

    @fields.depends("company")
    def on_change_with_currency(self, name=None):
        return self.company.currency if self.company else None

    @fields.depends("quantity", "month")
    def on_change_with_mw_average(self, name=None):
        if self.quantity is not None and self.month:
            hours = 24 * calendar.monthrange(self.month.year, self.month.month)[1]
            return (self.quantity / hours).quantize(MW, ROUND_HALF_UP)
