"""Working copies: nothing typed is lost, and a newer text is never written over unseen."""

from __future__ import annotations

import pytest

from assistant.models import SealedText
from assistant.privacy.encryption import unseal
from review import working_copies
from tests.review.factories import NOON, make_ticket

pytestmark = pytest.mark.django_db


def save(ticket, user, text, revision):
    return working_copies.save(
        ticket=ticket, draft=None, user=user, text=text, revision=revision, now=NOON
    )


def test_each_save_raises_the_revision_and_leaves_one_sealed_text(mara):
    ticket = make_ticket()
    texts = SealedText.objects.count()
    assert save(ticket, mara, "Hel", 0).revision == 1
    saved = save(ticket, mara, "Hello", 1)
    assert saved.revision == 2
    assert unseal(saved.text) == "Hello"
    assert SealedText.objects.count() == texts + 1


def test_saving_over_a_newer_text_is_refused_with_that_text(mara, jonas):
    ticket = make_ticket()
    save(ticket, mara, "from the laptop", 0)
    save(ticket, mara, "from the laptop, longer", 1)
    for stale in (0, 1, 7):
        with pytest.raises(working_copies.StaleRevision) as refused:
            save(ticket, jonas, "from the phone", stale)
        assert unseal(refused.value.saved.text) == "from the laptop, longer"
    assert SealedText.objects.filter(ticket=ticket).count() == 2  # the message and one copy


def test_a_save_whose_answer_never_came_is_sent_again_and_is_no_other_text(mara, jonas):
    ticket = make_ticket()
    save(ticket, mara, "Hello", 0)
    assert save(ticket, mara, "Hello", 0).revision == 1
    with pytest.raises(working_copies.StaleRevision):
        save(ticket, jonas, "Hello", 0)  # another person is told who wrote it
    with pytest.raises(working_copies.StaleRevision):
        save(ticket, mara, "Hello, again", 0)
    assert SealedText.objects.filter(ticket=ticket).count() == 2


def test_discarding_destroys_the_text(mara):
    ticket = make_ticket()
    saved = save(ticket, mara, "secret", 0)
    assert working_copies.discard(ticket=ticket)
    assert not SealedText.objects.filter(pk=saved.text_id).exists()
    assert not working_copies.discard(ticket=ticket)
