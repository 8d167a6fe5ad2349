from django.db import migrations, models

import retaguarda.store.fields


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0010_decisions"),
        ("store", "0011_people"),
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
        migrations.AddIndex(
            model_name="plannedfire",
            index=models.Index(fields=["at"], name="store_fire_latest"),
        ),
    ]
