"""How far a text's origin is trusted."""

from __future__ import annotations

from django.db import models


class Trust(models.IntegerChoices):
    """How far the text of an article's origin is trusted. Suspicious text always waits for a person;
    of a low origin, every new or changed text does."""

    LOW = 1, "Low: every change waits for a person"
    NORMAL = 2, "Normal: suspicious changes wait for a person"
    HIGH = 3, "High: written or vouched for by the company"
