"""How others would do it, each a script of its own: `python SCRIPT DATA OUT` writes OUT/matches.csv."""
