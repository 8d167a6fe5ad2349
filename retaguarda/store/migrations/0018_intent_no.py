from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0017_console_speed"),
    ]

    operations = [
        migrations.AddField(
            model_name="intent",
            name="no",
            field=models.TextField(default=""),
        ),
    ]
