"""Robot of Template Title."""
