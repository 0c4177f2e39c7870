"""LangChain's seams: our embedder as `Embeddings`, our search as a `BaseRetriever`."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import Field

from retrieval.embedder import Embedder, get_embedder
from retrieval.search import PUBLIC, Mode, Scope, search


class CountersignEmbeddings(Embeddings):
    """The installation's embedder: unit vectors, long texts embedded whole."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        self.embedder = embedder or get_embedder()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self.embedder.encode(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


class CountersignRetriever(BaseRetriever):
    """Our search. A `Document` holds the passage; its metadata are a hit's other fields."""

    k: int = Field(default=5, ge=1)
    mode: Mode | None = None  # the installation's own
    scope: Scope = PUBLIC  # what may be found
    join: bool = False  # neighbouring passages of a section as one

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        found = search(
            query,
            k=options.get("k", self.k),
            mode=options.get("mode", self.mode),
            scope=options.get("scope", self.scope),
            join=options.get("join", self.join),
        )
        return [
            Document(
                id=str(hit.chunk_id),
                page_content=hit.text,
                metadata={
                    "source": hit.source,
                    "title": hit.title,
                    "category": hit.category,
                    "heading_path": list(hit.heading_path),
                    "document": hit.document_id,
                    "revision": hit.revision_id,
                    "start": hit.start,
                    "end": hit.end,
                    "score": hit.score,
                    "dense_score": hit.dense_score,
                    "lexical_score": hit.lexical_score,
                    "rerank_score": hit.rerank_score,
                    "also": [twin.source for twin in hit.also],
                    "snapshot": found.snapshot,
                },
            )
            for hit in found.hits
        ]
