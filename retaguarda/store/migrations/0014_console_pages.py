from django.db import migrations, models

import retaguarda.store.fields


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0013_people"),
    ]

    operations = [
        migrations.CreateModel(
            name="TriggerEntry",
            fields=[
                ("name", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("table", retaguarda.store.fields.KeptJSON(default=dict)),
                ("changed_by", models.CharField(max_length=120)),
                ("changed_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SignOff",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.CharField(max_length=7)),
                ("digest", models.CharField(max_length=64)),
                ("facts", retaguarda.store.fields.KeptJSON(default=dict)),
                ("reason", models.TextField(default="")),
                ("signed_by", models.CharField(max_length=120)),
                ("signed_at", models.DateTimeField()),
                ("countersigned_by", models.CharField(default="", max_length=120)),
                ("countersigned_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddConstraint(
            model_name="signoff",
            constraint=models.UniqueConstraint(fields=("month", "digest"), name="signed_once"),
        ),
        migrations.AddIndex(
            model_name="breakrecord",
            index=models.Index(fields=["closed_at", "due_on"], name="store_break_due"),
        ),
        migrations.AddIndex(
            model_name="plannedfire",
            index=models.Index(fields=["at"], name="store_fire_latest"),
        ),
    ]
