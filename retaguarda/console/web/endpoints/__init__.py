"""The API, one module an area; importing a module registers its endpoints."""
