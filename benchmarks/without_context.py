"""Ingest articles with nothing but their own text embedded and indexed: no title, no headings.

    COUNTERSIGN_DATA_DIR=ELSEWHERE python manage.py migrate
    COUNTERSIGN_DATA_DIR=ELSEWHERE python benchmarks/without_context.py PATH --collection NAME

What titles and heading paths add is the difference between `evaluate retrieval` there and on the same
articles ingested as ever. For nothing else: its index is not what a search should stand on.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from retrieval import models  # noqa: E402


def text_alone(*, text: str, **context: object) -> str:
    return text


if __name__ == "__main__":
    models.embedded_text = text_alone  # type: ignore[assignment]
    call_command("ingest", *sys.argv[1:])
