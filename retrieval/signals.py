"""Domain news that travels upwards from the knowledge base (see assistant/signals.py)."""

from django.dispatch import Signal

# arguments: document (retrieval.models.Document), old_revision (Revision | None), now (datetime)
knowledge_changed = Signal()

# a collection's visibility or channels changed; sent once for all its documents
# arguments: collection (retrieval.models.Collection), now (datetime)
collection_changed = Signal()
