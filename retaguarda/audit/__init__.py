"""What happened, provably: events, an append-only log with signed checkpoints, evidence by hash, and a verifier."""
