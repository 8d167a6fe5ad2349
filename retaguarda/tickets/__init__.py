"""Requests from other areas ("chamados"): asked by form or e-mail, answered by a person, marked by whoever asked."""
