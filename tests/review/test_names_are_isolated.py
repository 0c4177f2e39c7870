"""What customers call themselves and their requests never reorders the text around it."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

# a variable that shows what a customer wrote, outside of an attribute
SHOWN = re.compile(
    r"\{\{ (?!errors\.)(?:[\w.]+\.)?(?:subject|customer|sender_name|contact|contact\.email)(?:\|[^}]*)? \}\}"
)
ATTRIBUTE = re.compile(r"[\w-]+=\"[^\"<>]*$")
WHOLE = re.compile(
    r"\{% block title %\}.*?\{% endblock %\}|\{% comment %\}.*?\{% endcomment %\}", re.S
)


def test_every_template_isolates_customers_names_and_subjects() -> None:
    bare = []
    for path in sorted(Path(settings.BASE_DIR, "templates").rglob("*.html")):
        text = WHOLE.sub("", path.read_text())
        for found in SHOWN.finditer(text):
            before = text[: found.start()]
            if not ATTRIBUTE.search(before) and not re.search(r"<bdi[^<>]*>[^<]*$", before):
                bare.append(f"{path.name}: {found.group()}")
    assert bare == []
