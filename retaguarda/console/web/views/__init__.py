"""What the console answers, one module an area; importing a module registers its routes."""
