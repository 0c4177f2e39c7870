"""What every page of the console needs to know."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from assistant.access import Capability, can


def console(request: HttpRequest) -> dict[str, Any]:
    """The company's name, and `may`: which parts of the console this person's role opens."""
    user = getattr(request, "user", None)
    may = {c.value: bool(user is not None and can(user, c)) for c in Capability}
    return {"company_name": settings.COMPANY_NAME, "may": may}
