"""Domain news that travels upwards from the ground floor.

Sent inside the transaction that made the news; receivers only write rows. Waking a worker is
`assistant.celery.wake`, which waits for the commit.
"""

from django.dispatch import Signal

# arguments: message (assistant.models.Message, inbound), source (the door: api, import, console …),
# now (datetime)
message_received = Signal()
