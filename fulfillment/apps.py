from importlib import import_module

from django.apps import AppConfig


class FulfillmentConfig(AppConfig):
    name = "fulfillment"

    def ready(self) -> None:
        # Registers the system checks, which ask models and so must wait for the registry.
        import_module("fulfillment.checks")
