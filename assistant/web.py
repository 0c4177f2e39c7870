"""The application as a worker of the web server serves it (`assistant.processes`)."""

from __future__ import annotations

import os

from assistant.busy import wait_little
from assistant.lifeline import end_with
from assistant.logs import guard_process
from assistant.web_errors import kept_from_the_server
from assistant.wsgi import application as django_application  # sets Django up

from assistant.privacy.encryption import end_with_another_key  # isort: skip

__all__ = ["application"]

application = kept_from_the_server(django_application)

# Else a worker outlives a server that was killed, keeps the port, and answers beside the new one with
# an error, as nobody reads its log any more.
end_with(os.getppid())
guard_process()
wait_little()
end_with_another_key()
