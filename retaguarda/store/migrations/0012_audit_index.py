from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0011_boletos"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("seq", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(null=True)),
                ("actor", models.CharField(max_length=120)),
                ("action", models.CharField(max_length=80)),
                ("run", models.CharField(max_length=80)),
                ("item", models.CharField(max_length=200)),
                ("target", models.CharField(max_length=200)),
                ("text", models.TextField()),
                ("segment", models.CharField(max_length=40)),
                ("offset", models.PositiveBigIntegerField()),
                ("length", models.PositiveIntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["at"], name="store_audit_at"),
                    models.Index(fields=["run", "seq"], name="store_audit_run"),
                    models.Index(fields=["actor", "seq"], name="store_audit_actor"),
                    models.Index(fields=["action", "seq"], name="store_audit_action"),
                ],
            },
        ),
    ]
