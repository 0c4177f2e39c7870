"""What a search may use: channel, visibility, language and trust, resolved when it begins."""

from __future__ import annotations

from assistant.models import Channel
from retrieval.ingest import IngestReport
from retrieval.models import Collection, Document, Trust
from retrieval.scope import EVERYTHING, PUBLIC, Scope
from retrieval.search import search
from retrieval.snapshots import bump_version


def test_internal_text_is_out_of_a_customers_search_at_once_and_in_a_keepers(
    knowledge: IngestReport,
) -> None:
    assert search("reset the thermostat", scope=PUBLIC).hits
    Collection.objects.update(visibility=Collection.Visibility.INTERNAL)
    bump_version()
    assert not search("reset the thermostat", scope=PUBLIC).hits
    assert search("reset the thermostat", scope=EVERYTHING).hits


def test_a_channel_uses_the_collections_that_it_may(
    knowledge: IngestReport,
) -> None:
    mail, chat = (Channel.objects.create(name=name) for name in ("shop", "partners"))
    Collection.objects.get().channels.add(chat)
    bump_version()
    assert not search("reset the thermostat", scope=Scope.of_channel(mail)).hits
    assert search("reset the thermostat", scope=Scope.of_channel(chat)).hits


def test_a_filter_never_empties_the_answer(knowledge: IngestReport) -> None:
    """Asked for the thermostat among the invoices, the nearest allowed passages still come."""
    Document.objects.exclude(source="billing/invoice.txt").update(trust=Trust.LOW)
    bump_version()
    found = search("reset the thermostat", k=1, mode="dense", scope=Scope(min_trust=Trust.HIGH))
    assert [hit.source for hit in found.hits] == ["billing/invoice.txt"]
