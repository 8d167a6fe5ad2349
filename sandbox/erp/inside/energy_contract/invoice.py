# SPDX-License-Identifier: GPL-3.0-or-later
"""Invoices know the energy contract they charge."""

from trytond.model import fields
from trytond.pool import PoolMeta
from trytond.pyson import Eval


class Invoice(metaclass=PoolMeta):
    __name__ = "account.invoice"

    energy_contract = fields.Many2One(
        "energy.contract", "Energy Contract", ondelete="RESTRICT",
        domain=[("company", "=", Eval("company", -1)), ("party", "=", Eval("party", -1))],
        states={"readonly": Eval("state") != "draft"})
