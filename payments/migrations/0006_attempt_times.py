"""The comparison with Stripe reads attempts by time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0005_refund_permission_and_items")]
    operations = [
        migrations.AddIndex(
            model_name="paymentattempt",
            index=models.Index(fields=["created_at", "id"], name="attempt_began"),
        ),
        migrations.AddIndex(
            model_name="paymentattempt",
            index=models.Index(fields=["state_changed_at"], name="attempt_moved"),
        ),
    ]
