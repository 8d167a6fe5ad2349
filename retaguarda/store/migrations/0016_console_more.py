import django.db.models.deletion
from django.db import migrations, models

import retaguarda.store.fields


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0015_evidence"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("roles", retaguarda.store.fields.KeptJSON(default=list)),
                ("made_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.CharField(max_length=200)),
                ("area", models.CharField(default="", max_length=80)),
                ("requester", models.CharField(max_length=254)),
                ("source", models.CharField(max_length=8)),
                (
                    "state",
                    models.CharField(
                        choices=[("OPEN", "Open"), ("IN_PROGRESS", "In Progress"), ("ANSWERED", "Answered")], default="OPEN", max_length=12
                    ),
                ),
                ("owner", models.CharField(default="", max_length=120)),
                ("asked_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("about", models.CharField(default="", max_length=120)),
                ("answered_at", models.DateTimeField(null=True)),
                ("answered_by", models.CharField(default="", max_length=120)),
                ("satisfaction", models.PositiveSmallIntegerField(null=True)),
                ("remark", models.TextField(default="")),
                ("rated_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="TicketMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("by", models.CharField(max_length=254)),
                ("text", models.TextField()),
                ("files", retaguarda.store.fields.KeptJSON(default=list)),
                ("message_id", models.CharField(default="", max_length=400)),
                ("answers", models.BooleanField(default=False)),
                ("send_to", models.CharField(default="", max_length=254)),
                ("sent_at", models.DateTimeField(null=True)),
                ("trouble", models.TextField(default="")),
            ],
        ),
        migrations.AddField(
            model_name="person",
            name="subject",
            field=models.CharField(max_length=300, null=True, unique=True),
        ),
        migrations.AddIndex(
            model_name="ledgeritem",
            index=models.Index(condition=models.Q(("open_amount__gt", 0)), fields=["kind", "due_date"], name="store_ledger_open"),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="person",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="tokens", to="store.person"),
        ),
        migrations.AddField(
            model_name="ticket",
            name="run",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="tickets", to="store.runrecord"),
        ),
        migrations.AddField(
            model_name="ticketmessage",
            name="ticket",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="messages", to="store.ticket"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["state", "due_at"], name="store_ticket_due"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(fields=["answered_at"], name="store_ticket_answered"),
        ),
        migrations.AddIndex(
            model_name="ticket",
            index=models.Index(condition=models.Q(("about", ""), _negated=True), fields=["about"], name="store_ticket_about"),
        ),
        migrations.AddIndex(
            model_name="ticketmessage",
            index=models.Index(
                condition=models.Q(("sent_at", None), models.Q(("send_to", ""), _negated=True)), fields=["at"], name="store_ticket_unsent"
            ),
        ),
        migrations.AddConstraint(
            model_name="ticketmessage",
            constraint=models.UniqueConstraint(
                condition=models.Q(("message_id", ""), _negated=True), fields=("message_id",), name="mail_once"
            ),
        ),
    ]
