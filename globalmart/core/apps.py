from importlib import import_module
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings

from globalmart.core import failpoints


class CoreConfig(AppConfig):
    name = "globalmart.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        # Registers the system checks, which ask models and so must wait for the registry.
        import_module("globalmart.checks")
        failpoints.arm(Path(settings.FAILPOINTS) if settings.FAILPOINTS else None)
