from typing import Any

from django.db import migrations, models

INDEX = "store_audit_text"
POSSIBLE = """
SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm')
    OR (EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm')
        AND has_database_privilege(current_database(), 'CREATE'))
"""


def index_texts(_apps: Any, schema_editor: Any) -> None:
    """PostgreSQL finds any text inside of events by its trigrams, where the server has that module; else it reads them all."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(POSSIBLE)
        if cursor.fetchone()[0]:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(f"CREATE INDEX IF NOT EXISTS {INDEX} ON store_auditentry USING gin (text gin_trgm_ops)")


def forget_index(_apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX IF EXISTS {INDEX}")


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0014_console_pages"),
    ]

    operations = [
        migrations.CreateModel(
            name="QuarantinedFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("run", models.CharField(max_length=80)),
                ("kind", models.CharField(max_length=20)),
                ("label", models.CharField(max_length=200)),
                ("size", models.PositiveBigIntegerField()),
                ("at", models.DateTimeField()),
                ("asked_by", models.CharField(default="", max_length=120)),
                ("asked_at", models.DateTimeField(null=True)),
                ("reason", models.TextField(default="")),
                ("approved_by", models.CharField(default="", max_length=120)),
                ("approved_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.RunPython(index_texts, forget_index),
    ]
