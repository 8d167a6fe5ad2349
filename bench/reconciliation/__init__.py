"""How good and how fast the reconciliation is: labelled data by seed, a scorer, and what others reach on the same files."""
