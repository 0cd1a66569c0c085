from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "globalmart.core"
    label = "core"
    verbose_name = "Core"
