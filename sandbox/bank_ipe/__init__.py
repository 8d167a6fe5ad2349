"""Banco Ipê (COMPE 987): Seiva behind a client certificate and a real nginx; takes remessas de cobrança."""
