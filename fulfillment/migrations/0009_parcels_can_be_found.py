"""Parcels, requests and returns are found by what others call them."""

import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fulfillment", "0008_recalled_requests_keep_units"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="fulfillment",
            index=models.Index(
                condition=models.Q(("wms_number", ""), _negated=True),
                fields=["wms_number"],
                name="fulfillment_wms",
            ),
        ),
        migrations.AddIndex(
            model_name="returnreceipt",
            index=models.Index(
                condition=models.Q(("rma", ""), _negated=True), fields=["rma"], name="return_rma"
            ),
        ),
        migrations.AddIndex(
            model_name="shipment",
            index=models.Index(
                django.db.models.functions.text.Upper(
                    django.db.models.functions.text.Replace(
                        models.F("tracking_number"), models.Value(" "), models.Value("")
                    )
                ),
                condition=models.Q(("tracking_number", ""), _negated=True),
                name="shipment_tracking",
            ),
        ),
        migrations.AddIndex(
            model_name="shipment",
            index=models.Index(fields=["wms_shipment_id"], name="shipment_wms_id"),
        ),
    ]
