"""Django's PostgreSQL backend as the store uses it (Django finds it by the name of this package)."""
