"""Portals that behave, and misbehave, like the real ones; they share no code with the product."""
