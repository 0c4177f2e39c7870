"""Tickets: who wrote, through which channel, and the thread of messages."""

from __future__ import annotations

from django.db import models


class Channel(models.Model):
    """A way in and out: intake names it, the outbox delivers through its adapter."""

    class Adapter(models.TextChoices):
        MAIL = "mail", "Mail (SMTP, or files on the embedded default)"
        NONE = "none", "Nothing is sent: the reply is read over the API"

    name = models.SlugField(unique=True)
    adapter = models.CharField(max_length=10, choices=Adapter, default=Adapter.MAIL)
    undo_seconds = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="empty: the installation's COUNTERSIGN_UNDO_SECONDS"
    )

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """Where a customer is reached. Several people may write from one address: who wrote is said by
    `Ticket.sender_name` and `Message.sender_name`. Names and addresses stay readable, for lists and
    search."""

    name = models.CharField(
        max_length=200, blank=True, help_text="the name that was given first with this address"
    )
    email = models.EmailField(
        max_length=254,
        unique=True,
        null=True,
        blank=True,
        help_text="in canonical form (assistant/addresses.py): one mailbox, one contact",
    )

    def __str__(self) -> str:
        return self.name or self.email or f"contact {self.pk}"


class Ticket(models.Model):
    """A customer's request; its primary key is the number people say."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        WAITING = "waiting", "Waiting for the customer"
        ANSWERED = "answered", "Answered"
        SOLVED = "solved", "Solved"
        REOPENED = "reopened", "Reopened"
        SPAM = "spam", "Spam"

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="tickets")
    external_id = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 (unique)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="tickets")
    sender_name = models.CharField(
        max_length=200, blank=True, help_text="who wrote the newest message that gives a name"
    )
    subject = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN, db_index=True)
    category = models.CharField(max_length=100, blank=True, db_index=True)
    language = models.CharField(max_length=10, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_index=True)
    received_at = models.DateTimeField(help_text="when Countersign took it in")
    last_message_at = models.DateTimeField(
        db_index=True, help_text="when the newest message was taken in or sent; lists go by it"
    )
    findable = models.TextField(blank=True, help_text="folded: subject, name, address, reference")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "external_id"], name="one_ticket_per_external_id"
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.subject}"

    @property
    def number(self) -> int:
        return self.pk

    def questions(self) -> models.QuerySet[Message]:
        """What people wrote to us, oldest first: no replies, notes or automatic mails."""
        return self.messages.filter(direction=Message.Direction.INBOUND, automatic="")

    def names(self) -> set[str]:
        """All that the ticket's customers call themselves."""
        given = set(self.messages.values_list("sender_name", flat=True))
        return (given | {self.sender_name, self.contact.name}) - {""}

    @property
    def customer(self) -> str:
        """Who wrote, for lists and pages: a name, else the address."""
        return self.sender_name or self.contact.email or f"contact {self.contact_id}"


class Message(models.Model):
    """One message of a thread; its body is sealed."""

    class Direction(models.TextChoices):
        INBOUND = "inbound", "From the customer"
        OUTBOUND = "outbound", "To the customer"
        NOTE = "note", "Internal note"

    class Automatic(models.TextChoices):
        BOUNCE = "bounce", "Undelivered mail"
        AUTO_REPLY = "auto_reply", "Automatic reply"
        RECEIPT = "receipt", "Receipt"

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="messages")
    position = models.PositiveIntegerField(help_text="1-based place in the thread")
    direction = models.CharField(max_length=10, choices=Direction)
    body = models.ForeignKey("assistant.SealedText", on_delete=models.PROTECT, related_name="+")
    author = models.ForeignKey(
        "assistant.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    sender_name = models.CharField(
        max_length=200, blank=True, help_text="the customer who wrote this message"
    )
    automatic = models.CharField(
        max_length=10, choices=Automatic, blank=True, help_text="written by a program: no reply"
    )
    mail_id = models.CharField(
        max_length=300, blank=True, help_text="Message-ID of a mail that exists, for threading"
    )
    channel = models.ForeignKey(
        Channel,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="of an inbound message with a Message-ID: together they name one message",
    )
    masked = models.PositiveSmallIntegerField(default=0, help_text="card numbers masked at intake")
    originals = models.ForeignKey(
        "assistant.SealedText", on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        help_text="masked numbers that nothing calls a card; kept for a while",
    )  # fmt: skip
    indexed = models.BooleanField(default=False, db_index=True, help_text="found by its words")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["ticket", "position"], name="one_message_per_position"),
            models.UniqueConstraint(fields=["channel", "mail_id"], name="one_message_per_mail_id"),
        ]

    def __str__(self) -> str:
        return f"message {self.position} of #{self.ticket_id}"

    @property
    def asks(self) -> bool:
        """Whether a person wrote it to us."""
        return self.direction == self.Direction.INBOUND and not self.automatic


class SearchWord(models.Model):
    """A word of a ticket's messages, as a keyed digest: `assistant.ticket_search`."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="+")
    word = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["word", "ticket"], name="one_row_per_word_of_a_ticket")
        ]

    def __str__(self) -> str:
        return f"a word of #{self.ticket_id}"
