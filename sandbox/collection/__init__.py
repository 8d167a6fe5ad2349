"""Cobrança at the sandbox's banks: remessas come in, titles are held, retornos go out."""
