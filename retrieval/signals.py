"""Domain news that travels upwards from the knowledge base (see assistant/signals.py)."""

from django.dispatch import Signal

# arguments: document (retrieval.models.Document), old_revision (Revision | None), now (datetime)
knowledge_changed = Signal()
