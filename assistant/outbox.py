"""The outbox: a reply is held for undo, then delivered; never lost, never sent twice.

held → sending → sent | failed | uncertain, or held → cancelled. Each step is a conditional update,
so that of two racing processes exactly one goes on.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from assistant.audit.log import record
from assistant.channels import mail
from assistant.channels.base import Adapter, DeliveryError, Outgoing
from assistant.models import Channel, Message, OutboundReply, Ticket, User
from assistant.privacy.encryption import seal, unseal

logger = logging.getLogger(__name__)

State = OutboundReply.State
MAX_ATTEMPTS = 8
STALE_SENDING = timedelta(seconds=90)
ACTOR = "system:outbox"


def adapter_of(channel: Channel) -> Adapter | None:
    """The channel's adapter, or None where replies are only read over the API."""
    return mail.adapter() if channel.adapter == Channel.Adapter.MAIL else None


def hold_reply(
    *, ticket: Ticket, text: str, author: User | None, idempotency_key: str, now: datetime
) -> OutboundReply:
    """Put a decided reply into the outbox, held for undo. The same key makes one reply.

    Call it inside the decision's transaction.
    """
    seconds = ticket.channel.undo_seconds
    hold = settings.UNDO_SECONDS if seconds is None else seconds
    existing = OutboundReply.objects.filter(idempotency_key=idempotency_key).first()
    if existing is not None:
        return existing
    reply = OutboundReply.objects.create(
        idempotency_key=idempotency_key,
        ticket=ticket,
        body=seal(ticket=ticket, text=text),
        author=author,
        mail_id=f"<{idempotency_key}@countersign>",
        answers_position=ticket.messages.count(),
        hold_until=now + timedelta(seconds=hold),
        created_at=now,
        changed_at=now,
    )
    record(
        "reply.held",
        actor=ACTOR,
        ticket=ticket.pk,
        data={"reply": reply.pk, "digest": reply.body.digest, "seconds": hold},
        now=now,
    )
    return reply


def cancel_reply(reply: OutboundReply, *, now: datetime) -> bool:
    """Undo a reply that is still held. False when it is on its way already."""
    with transaction.atomic():
        won = OutboundReply.objects.filter(pk=reply.pk, state=State.HELD).update(
            state=State.CANCELLED, changed_at=now
        )
        if won:
            record(
                "reply.cancelled",
                actor=ACTOR,
                ticket=reply.ticket_id,
                data={"reply": reply.pk},
                now=now,
            )
    return bool(won)


def deliver_due(*, now: datetime, limit: int = 50) -> int:
    """Deliver what is due, and settle what a dead process left in `sending`. Returns how many left."""
    _settle_stale(now=now)
    due = OutboundReply.objects.filter(
        Q(state=State.HELD, hold_until__lte=now) | Q(state=State.FAILED, next_attempt_at__lte=now)
    ).order_by("hold_until")[:limit]
    return sum(_deliver(reply, now=now) for reply in due)


def _settle_stale(*, now: datetime) -> None:
    stale = OutboundReply.objects.filter(
        state=State.SENDING, changed_at__lt=now - STALE_SENDING
    ).select_related("ticket__channel")
    for reply in stale:
        adapter = adapter_of(reply.ticket.channel)
        again = adapter is None or adapter.idempotent
        with transaction.atomic():
            won = OutboundReply.objects.filter(
                pk=reply.pk, state=State.SENDING, changed_at=reply.changed_at
            ).update(
                state=State.FAILED if again else State.UNCERTAIN,
                next_attempt_at=now if again else None,
                changed_at=now,
                last_error="the process died while sending",
            )
            if won and not again:
                record(
                    "reply.uncertain",
                    actor=ACTOR,
                    ticket=reply.ticket_id,
                    data={"reply": reply.pk},
                    now=now,
                )


def _deliver(reply: OutboundReply, *, now: datetime) -> bool:
    won = OutboundReply.objects.filter(pk=reply.pk, state=reply.state).update(
        state=State.SENDING, attempts=reply.attempts + 1, changed_at=now
    )
    if not won:
        return False
    reply.attempts += 1
    ticket = Ticket.objects.select_related("channel", "contact").get(pk=reply.ticket_id)
    adapter = adapter_of(ticket.channel)
    text = unseal(reply.body)
    try:
        data = text.encode() if adapter is None else adapter.deliver(_outgoing(reply, ticket, text))
    except DeliveryError as error:
        _failed(reply, error, now=now)
        return False
    except Exception as error:
        logger.exception("reply %s could not be delivered", reply.pk)
        _failed(reply, DeliveryError(f"{type(error).__name__}: see the worker's log"), now=now)
        return False
    _sent(reply, ticket, text, data, now=now)
    return True


def _outgoing(reply: OutboundReply, ticket: Ticket, text: str) -> Outgoing:
    mail_ids = ticket.messages.exclude(mail_id="").order_by("position")
    return Outgoing(
        key=reply.idempotency_key,
        ticket_number=ticket.pk,
        subject=ticket.subject,
        body=text,
        to_name=ticket.contact.name,
        to_email=ticket.contact.email or "",
        mail_id=reply.mail_id,
        mail_ids=tuple(mail_ids.values_list("mail_id", flat=True)),
    )


def _failed(reply: OutboundReply, error: DeliveryError, *, now: datetime) -> None:
    final = error.permanent or reply.attempts >= MAX_ATTEMPTS
    wait = timedelta(seconds=min(2**reply.attempts * 5, 3600))
    with transaction.atomic():
        OutboundReply.objects.filter(pk=reply.pk, state=State.SENDING).update(
            state=State.FAILED,
            next_attempt_at=None if final else now + wait,
            last_error=str(error)[:500],
            changed_at=now,
        )
        record(
            "reply.failed",
            actor=ACTOR,
            ticket=reply.ticket_id,
            data={"reply": reply.pk, "attempt": reply.attempts, "final": final},
            now=now,
        )


def _sent(reply: OutboundReply, ticket: Ticket, text: str, data: bytes, *, now: datetime) -> None:
    digest = hashlib.sha256(data).hexdigest()
    with transaction.atomic():
        locked = Ticket.objects.select_for_update().get(pk=ticket.pk)
        won = OutboundReply.objects.filter(pk=reply.pk, state=State.SENDING).update(
            state=State.SENT,
            sent_digest=digest,
            changed_at=now,
            last_error="",
            next_attempt_at=None,
        )
        if not won:
            return
        _into_the_thread(reply, locked, now=now)
        record(
            "reply.sent",
            actor=ACTOR,
            ticket=ticket.pk,
            data={
                "reply": reply.pk,
                "digest": reply.body.digest,
                "bytes_sha256": digest,
                "attempt": reply.attempts,
            },
            now=now,
        )


def _into_the_thread(reply: OutboundReply, locked: Ticket, *, now: datetime) -> None:
    """The reply becomes the thread's last message; the ticket is answered unless one came since."""
    last = locked.messages.order_by("-position").first()
    Message.objects.create(
        ticket=locked,
        position=(last.position if last else 0) + 1,
        direction=Message.Direction.OUTBOUND,
        body=reply.body,
        author_id=reply.author_id,
        mail_id=reply.mail_id,
        created_at=now,
    )
    overtaken = last is not None and last.position > reply.answers_position
    if not overtaken:
        locked.status = Ticket.Status.ANSWERED
    locked.last_message_at = now
    locked.save(update_fields=["status", "last_message_at"])


# Replies that nothing moves any more: a person says what became of them.
STUCK = Q(state=State.UNCERTAIN) | Q(state=State.FAILED, next_attempt_at=None)


def settle(reply: OutboundReply, *, send_again: bool, actor: str, now: datetime) -> bool:
    """A person's word on a stuck reply: send it again, or it reached the customer another way.

    False when it was settled already.
    """
    with transaction.atomic():
        locked = Ticket.objects.select_for_update().get(pk=reply.ticket_id)
        won = OutboundReply.objects.filter(STUCK, pk=reply.pk).update(
            state=State.FAILED if send_again else State.SENT,
            next_attempt_at=now if send_again else None,
            attempts=0,
            changed_at=now,
        )
        if won:
            if not send_again:
                _into_the_thread(reply, locked, now=now)
            record(
                "reply.settled",
                actor=actor,
                ticket=reply.ticket_id,
                data={"reply": reply.pk, "send_again": send_again},
                now=now,
            )
    return bool(won)
