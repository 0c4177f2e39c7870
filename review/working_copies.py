"""Working copies: an agent's unsent text, saved as they type, with a revision.

One a ticket. Another device goes on where this one stopped; a save on top of somebody else's newer
one is refused with `StaleRevision`, which carries both texts' facts.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from assistant.models import SealedText, Ticket, User
from assistant.privacy.encryption import seal, unseal
from generation.models import Draft
from review.diff import tidy
from review.models import WorkingCopy


class StaleRevision(RuntimeError):
    """A newer text was saved elsewhere: `saved` is that one (None when it was discarded)."""

    def __init__(self, saved: WorkingCopy | None) -> None:
        super().__init__("A newer text was saved from another window; choose which one to keep.")
        self.saved = saved


def current(*, ticket: Ticket) -> WorkingCopy | None:
    """The ticket's working copy, with its text and its author."""
    return (
        WorkingCopy.objects.select_related("text__ticket", "user", "draft")
        .filter(ticket_id=ticket.pk)
        .first()
    )


def save(
    *, ticket: Ticket, draft: Draft | None, user: User, text: str, revision: int, now: datetime
) -> WorkingCopy:
    """Save the text over revision `revision` (0: there was none). Raises StaleRevision, but not where the
    same person's same words are there already: a save whose answer never came is sent again."""
    with transaction.atomic():
        sealed = seal(ticket=ticket, text=tidy(text))
        values = {"draft": draft, "text": sealed, "user": user, "saved_at": now}
        before = (
            WorkingCopy.objects.filter(ticket_id=ticket.pk).values("text_id", "revision").first()
        )
        if before is None and revision == 0:
            try:
                with transaction.atomic():
                    WorkingCopy.objects.create(ticket_id=ticket.pk, revision=1, **values)
                won = True
            except IntegrityError:
                won = False
        else:
            won = bool(
                WorkingCopy.objects.filter(ticket_id=ticket.pk, revision=revision).update(
                    revision=revision + 1, **values
                )
            )
            if won and before is not None:
                SealedText.objects.filter(pk=before["text_id"]).delete()
        if not won:
            held = current(ticket=ticket)
            if held is None or held.user_id != user.pk or unseal(held.text) != tidy(text):
                raise StaleRevision(held)
            SealedText.objects.filter(pk=sealed.pk).delete()
    saved = current(ticket=ticket)
    assert saved is not None
    return saved


def discard(*, ticket: Ticket) -> bool:
    """Forget the unsent text, because it was sent or is not wanted."""
    with transaction.atomic():
        copy = WorkingCopy.objects.filter(ticket_id=ticket.pk).first()
        if copy is None:
            return False
        copy.delete()
        SealedText.objects.filter(pk=copy.text_id).delete()
    return True


def put_back(*, ticket: Ticket, draft: Draft | None, user: User, text: str, now: datetime) -> None:
    """Bring back a text whatever was saved before: an undone reply's words are not lost."""
    held = current(ticket=ticket)
    save(
        ticket=ticket, draft=draft, user=user, text=text,
        revision=held.revision if held else 0, now=now,
    )  # fmt: skip
