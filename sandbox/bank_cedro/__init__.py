"""Banco Cedro (COMPE 989): the sandbox bank behind mutual TLS."""
