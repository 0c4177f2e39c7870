"""The leak screen: personal data in a draft that its sources don't hold."""

from collections.abc import Sequence

from assistant.privacy import pii
from assistant.privacy.pii import PiiSpan
from generation.safety import ScreenUnavailable

LEAK_SCREEN_VERSION = pii.PII_SCREEN_VERSION


def leaks_in_draft(draft: str, allowed_texts: Sequence[str]) -> list[PiiSpan]:
    """As `assistant.privacy.pii.leaks_in_draft`.

    Raises:
        ScreenUnavailable: presidio can't be loaded or fails.
    """
    try:
        return pii.leaks_in_draft(draft, allowed_texts)
    except pii.PiiScreenFailed as error:
        raise ScreenUnavailable(
            "leaks", f"{error}.", hint="Check that presidio-analyzer is installed."
        ) from error
