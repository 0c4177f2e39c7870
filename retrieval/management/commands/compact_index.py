"""Write the index's segments into one, aside."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from retrieval.compacting import compact
from retrieval.snapshots import DamagedSnapshot, EmptyIndex
from retrieval.vector_index import RecallTooLow


class Command(BaseCommand):
    help = "Write the index's segments into one; searches and publications go on meanwhile."

    def handle(self, **options: Any) -> None:
        try:
            row = compact()
        except (EmptyIndex, DamagedSnapshot, RecallTooLow) as error:
            raise CommandError(str(error)) from error
        if row is None:
            self.stdout.write(
                "Nothing was switched: another compaction runs, or a newer index won."
            )
            return
        self.stdout.write(
            f"Snapshot {row.pk}: {row.chunks} passages in {row.segments} segment(s), "
            f"{row.vector_index}, recall@10 {row.recall:.3f}."
        )
