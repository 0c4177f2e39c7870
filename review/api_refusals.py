"""What the knowledge base refuses, as the API's errors."""

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any

from django.http import HttpRequest

from assistant.api import ApiError, Errors
from retrieval import collections, editing
from retrieval.article_merges import Undecided
from retrieval.publishing import BadArticle
from review.knowledge_contracts import RefusedMerge, RefusedText

ARTICLE_REFUSED: dict[Any, Any] = {
    frozenset({400, 401, 403, 404, 412, 413}): Errors,
    409: RefusedMerge,
    422: RefusedText,
}


def in_words(operation: Callable[..., Any]) -> Callable[..., Any]:
    """The knowledge base's refusals as the API's errors."""

    @wraps(operation)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return operation(request, *args, **kwargs)
        except BadArticle as bad:
            raise ApiError(422, bad.field, bad.reason) from None
        except editing.Suspicious as refused:
            found = [asdict(one) for one in refused.findings]
            raise ApiError(422, "text", str(refused), findings=found) from None
        except editing.Overtaken as refused:
            if "If-Match" in request.headers:
                raise ApiError(412, "If-Match", str(refused)) from None
            raise ApiError(409, "base_revision", str(refused)) from None
        except Undecided as refused:
            overlaps = [
                {"place": one.label, "base": one.base, "yours": one.mine, "theirs": one.theirs}
                for one in refused.differences
            ]
            raise ApiError(409, "merge", str(refused), overlaps=overlaps) from None
        except editing.SourceTaken as refused:
            raise ApiError(409, "source", str(refused)) from None
        except editing.EditRefused as refused:
            raise ApiError(409, "article", str(refused)) from None
        except collections.CollectionExists as refused:
            raise ApiError(409, "name", str(refused)) from None

    return guarded
