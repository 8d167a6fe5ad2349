"""Rehearsals: the production code where everything around it misbehaves, by seed, on three levels. `python -m bench.rehearse --help`."""
