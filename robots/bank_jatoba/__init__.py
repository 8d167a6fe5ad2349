"""Robot of Banco Jatobá."""
