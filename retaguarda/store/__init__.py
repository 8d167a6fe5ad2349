"""The one data layer: tables, migrations and connection (Django's ORM; SQLite by default)."""
