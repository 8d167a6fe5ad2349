"""Robot of Banco Cedro."""
