"""Banco Jatobá (COMPE 988): the sandbox bank with the virtual keyboard."""
