"""Orders are found by name, e-mail address, telephone number and the client's reference."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.fields.json
import django.db.models.functions.text
from django.db import migrations, models

import orders.models.expressions


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_try_counts"),
        ("orders", "0011_price_lists_zones_and_vouchers"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Lower("email"), name="text_pattern_ops"
                ),
                name="order_email_beginning",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Reverse(
                        models.F("phone"), output_field=models.CharField()
                    ),
                    name="text_pattern_ops",
                ),
                condition=models.Q(("phone", ""), _negated=True),
                name="order_phone_end",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("external_ref__isnull", False)),
                fields=["external_ref"],
                name="order_reference",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.search.SearchVector(
                    orders.models.expressions.Folded(models.F("name")),
                    orders.models.expressions.Folded(
                        django.db.models.fields.json.KeyTextTransform("name", "shipping_address")
                    ),
                    config="simple",
                ),
                fastupdate=False,
                name="order_name_words",
            ),
        ),
    ]
