from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AssistantConfig(AppConfig):
    name = "assistant"

    def ready(self) -> None:
        from assistant import channels, checks, receivers  # noqa: F401  (checks and receivers register)
        from assistant.audit import triggers
        from assistant.privacy import encryption

        triggers.connect()
        post_migrate.connect(channels.make_defaults, sender=self)
        post_migrate.connect(encryption.remember_own_key, sender=self)
