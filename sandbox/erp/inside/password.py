# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints Tryton's hash of the password that standard input gives."""

import sys

import pwdlib
from pwdlib.hashers.argon2 import Argon2Hasher

if __name__ == "__main__":
    print(pwdlib.PasswordHash([Argon2Hasher()]).hash(sys.stdin.read()))
