from django.db import migrations, models

import retaguarda.store.fields


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0016_console_more"),
    ]

    operations = [
        migrations.CreateModel(
            name="IndicatorDay",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("counts", retaguarda.store.fields.KeptJSON(default=list)),
                ("counted_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveIndex(
            model_name="statemententry",
            name="store_state_account_81776c_idx",
        ),
        migrations.AddIndex(
            model_name="booking",
            index=models.Index(fields=["batch"], name="store_booking_batch"),
        ),
        migrations.AddIndex(
            model_name="booking",
            index=models.Index(fields=["receivable"], name="store_booking_receivable"),
        ),
        migrations.AddIndex(
            model_name="decisionevent",
            index=models.Index(fields=["at"], name="store_decision_event_at"),
        ),
        migrations.AddIndex(
            model_name="intent",
            index=models.Index(fields=["reference"], name="store_intent_reference"),
        ),
        migrations.AddIndex(
            model_name="item",
            index=models.Index(fields=["protocol"], name="store_item_protocol"),
        ),
        migrations.AddIndex(
            model_name="matchdecision",
            index=models.Index(fields=["line"], name="store_decision_line"),
        ),
        migrations.AddIndex(
            model_name="runrecord",
            index=models.Index(condition=models.Q(("error__isnull", False)), fields=["-created_at"], name="store_run_wrong"),
        ),
        migrations.AddIndex(
            model_name="runrecord",
            index=models.Index(
                condition=models.Q(("parent", None), ("state__in", ["PENDING", "RUNNING", "SUSPENDED"])),
                fields=["created_at", "state"],
                name="store_run_at_work",
            ),
        ),
        migrations.AddIndex(
            model_name="statemententry",
            index=models.Index(fields=["account", "date", "amount"], name="store_movement_sums"),
        ),
        migrations.AddIndex(
            model_name="statemententry",
            index=models.Index(fields=["entry"], name="store_movement_name"),
        ),
    ]
