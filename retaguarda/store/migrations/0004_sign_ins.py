from typing import Any

from django.db import migrations, models


def refused(apps: Any, schema_editor: Any) -> None:
    """What was kept before were refusals alone."""
    apps.get_model("store", "SignIn").objects.using(schema_editor.connection.alias).update(state="REFUSED", ended_at=models.F("at"))


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0003_operations"),
    ]

    operations = [
        migrations.RenameModel("CredentialRefusal", "SignIn"),
        migrations.AlterField("signin", "text", models.TextField(default="")),
        migrations.AddField(
            "signin",
            "state",
            models.CharField(
                choices=[("OPEN", "Open"), ("ACCEPTED", "Accepted"), ("REFUSED", "Refused"), ("UNKNOWN", "Unknown")],
                default="OPEN",
                max_length=8,
            ),
        ),
        migrations.AddField("signin", "ended_at", models.DateTimeField(null=True)),
        migrations.AddField("signin", "run", models.CharField(default="", max_length=80)),
        migrations.AddField("signin", "executor", models.CharField(default="", max_length=160)),
        migrations.RunPython(refused, migrations.RunPython.noop),
        migrations.AddIndex("signin", models.Index(fields=["credential", "cleared_at"], name="store_signi_credent_3c2468_idx")),
        migrations.CreateModel(
            name="AuditFolder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=200)),
                ("host", models.CharField(max_length=120)),
                ("path", models.CharField(max_length=400)),
                ("size", models.PositiveBigIntegerField(default=0)),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
