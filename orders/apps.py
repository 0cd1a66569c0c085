from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        """Let indexes on expressions name their operator classes, as django.contrib.postgres does
        where it is installed; all else that it brings is not needed."""
        from django.contrib.postgres.indexes import OpClass  # noqa: PLC0415
        from django.db.models.expressions import OrderBy  # noqa: PLC0415
        from django.db.models.functions import Collate  # noqa: PLC0415
        from django.db.models.indexes import IndexExpression  # noqa: PLC0415

        IndexExpression.register_wrappers(OrderBy, OpClass, Collate)
