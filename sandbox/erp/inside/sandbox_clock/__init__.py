# SPDX-License-Identifier: GPL-3.0-or-later
"""Tryton module: the business date is the sandbox's, not the machine's."""
