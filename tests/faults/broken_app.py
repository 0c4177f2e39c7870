"""The real application, with paths that break outside of Django's reach: in the web server's hands."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from assistant.web import django_application
from assistant.web_errors import kept_from_the_server


def _breaks_off(words: str) -> Iterator[bytes]:
    yield b"begun"
    raise ValueError(f"cannot go on with {words}")


def _thread(words: str) -> None:
    raise LookupError(f"nobody is called {words}")


def _application(environ: dict[str, Any], start_response: Any) -> Any:
    words = environ.get("QUERY_STRING", "")
    if environ["PATH_INFO"] == "/breaks-off":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return _breaks_off(words)
    if environ["PATH_INFO"] == "/raises":
        raise ValueError(f"cannot begin with {words}")
    if environ["PATH_INFO"] == "/thread":
        threading.Thread(target=_thread, args=(words,)).start()
    return django_application(environ, start_response)


application = kept_from_the_server(_application)
