"""What is known of each bank account: its statements, their proofs, and every movement once."""
