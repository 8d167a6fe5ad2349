"""The ledger of expected runs: what every trigger planned, and what became of it."""
