"""Uploaded files: straight to the disk, and never more than the installation allows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import TemporaryFileUploadHandler


class BoundedUpload(TemporaryFileUploadHandler):
    """Refuses a request before its body is read where it says that it is too large."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        if content_length > settings.SOURCE_MAX_MB * 1024 * 1024:
            raise RequestDataTooBig(f"An upload may have {settings.SOURCE_MAX_MB} MB.")
