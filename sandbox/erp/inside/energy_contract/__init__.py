# SPDX-License-Identifier: GPL-3.0-or-later
"""Tryton module: the contracts (boletas) of an energy trader, by month of supply."""
