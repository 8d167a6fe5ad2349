# SPDX-License-Identifier: GPL-3.0-or-later
"""Today, as the sandbox says."""

import datetime as dt
import os

from trytond.pool import PoolMeta


class Date(metaclass=PoolMeta):
    """`ir.date` with the day of SANDBOX_TODAY (ISO), else the machine's."""

    __name__ = "ir.date"

    @staticmethod
    def today(timezone=None):
        told = os.environ.get("SANDBOX_TODAY")
        return dt.date.fromisoformat(told) if told else dt.datetime.now(timezone).date()
