from importlib import import_module

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "globalmart.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        # Registers the system checks, which ask models and so must wait for the registry.
        import_module("globalmart.checks")
