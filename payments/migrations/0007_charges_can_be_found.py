"""Payments are found by the charge that Stripe names."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0006_attempt_times"),
    ]

    operations = [
        migrations.AddField(
            model_name="paymentattempt",
            name="stripe_charge_id",
            field=models.CharField(blank=True, db_default="", default="", max_length=255),
        ),
        migrations.AddIndex(
            model_name="paymentattempt",
            index=models.Index(
                condition=models.Q(("stripe_charge_id", ""), _negated=True),
                fields=["stripe_charge_id"],
                name="attempt_charge",
            ),
        ),
    ]
