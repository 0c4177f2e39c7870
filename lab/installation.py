"""An installation of a study's own: a folder with its database and index, and no server."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path


def open_installation(folder: Path) -> None:
    """Set Django up on an installation in this folder, before anything of the project is imported. Other
    settings come from the environment."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "assistant.settings",
        "COUNTERSIGN_DATA_DIR": str(folder.resolve()),
        "COUNTERSIGN_DATABASE_URL": "",
    }
    import django

    django.setup()


def manage(*words: str) -> str:
    """A management command's standard output. Held or skipped articles are no failure here."""
    from django.core.management import call_command

    out = StringIO()
    try:
        call_command(*words, stdout=out)
    except SystemExit as ended:
        if ended.code != 1:
            raise
    return out.getvalue()
