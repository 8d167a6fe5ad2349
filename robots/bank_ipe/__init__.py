"""Robot of Banco Ipê."""
