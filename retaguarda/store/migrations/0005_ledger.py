from django.db import migrations, models

import retaguarda.store.fields


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0004_sign_ins"),
    ]

    operations = [
        migrations.AddField(
            model_name="plannedfire",
            name="by",
            field=models.CharField(default="", max_length=120),
        ),
        migrations.AddField(
            model_name="plannedfire",
            name="level",
            field=models.CharField(default="", max_length=10),
        ),
        migrations.AddField(
            model_name="triggerstate",
            name="backlog",
            field=retaguarda.store.fields.KeptJSON(default=list),
        ),
        migrations.AddField(
            model_name="triggerstate",
            name="reason",
            field=models.CharField(default="", max_length=200),
        ),
        migrations.AddField(
            model_name="triggerstate",
            name="ruled_since",
            field=models.DateTimeField(null=True),
        ),
    ]
