"""Signs of life that every worker process writes; readiness and the console's banner read them."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    name = models.CharField(max_length=100, unique=True, help_text="queue@host:pid")
    queue = models.CharField(max_length=20, db_index=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    details = models.JSONField(default=dict, help_text="models loaded, their digests")

    def __str__(self) -> str:
        return self.name
