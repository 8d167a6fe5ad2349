# SPDX-License-Identifier: GPL-3.0-or-later
"""Tryton's own server, which ends when its parent ends: the parent holds the other end of our standard input."""

import os
import sys
import threading

from trytond.cli import main


def _end_with_parent():
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main()
