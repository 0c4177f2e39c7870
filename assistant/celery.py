"""Celery delivers wake-ups; the database is the queue.

A wake-up that is lost loses nothing (a sweep repeats it), a repeated one does nothing, and one that
fails because the broker is away never fails a request.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")

from django.conf import settings
from django.db import transaction

from assistant.logs import guard_process

logger = logging.getLogger(__name__)

TRANSPORT_ALIASES["filesystem"] = "assistant.filesystem_broker:Transport"

app = Celery("countersign")


@setup_logging.connect(weak=False)
def _log_as_everything_else(**_: Any) -> None:
    """With a receiver, Celery leaves the loggers as `settings.LOGGING` made them."""


@worker_init.connect(weak=False)
@beat_init.connect(weak=False)
def _guard(**_: Any) -> None:
    from assistant.privacy.encryption import end_with_another_key  # needs the models

    guard_process()
    end_with_another_key()


WAKE_EXPIRES = 60  # seconds after which a wake-up that nobody heard is worth nothing


def broker_folders() -> list[Path]:
    """The filesystem transport's folders; recreated wherever they are needed and missing."""
    root = Path(settings.BROKER_DIR)
    return [root / "queue", root / "processed", root / "control", root / "results"]


def ensure_broker_folders() -> None:
    """Make the folders that processes need and somebody may have deleted."""
    folders = [Path(settings.DATA_DIR) / "run"]  # beat's schedule
    if settings.BROKER_URL.startswith("filesystem"):
        folders += broker_folders()
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)


def require_broker() -> None:
    """Raise kombu's OperationalError where the broker does not answer within seconds."""
    try:
        with app.connection_for_write(connect_timeout=5) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=10)
    except OperationalError:
        raise
    except Exception as error:  # each transport has its own for a wrong name or password
        raise OperationalError(type(error).__name__) from error


def _configuration() -> dict[str, Any]:
    queue, processed, control, results = (str(path) for path in broker_folders())
    url = settings.BROKER_URL
    configuration: dict[str, Any] = {
        "broker_url": url,
        "broker_connection_retry_on_startup": True,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": "default",
        "task_routes": {
            "generation.tasks.draft_waiting": {"queue": "gpu"},
            "retrieval.tasks.search": {"queue": "search"},
            "retrieval.tasks.refresh_index": {"queue": "search"},
            "retrieval.tasks.refresh_next_slice": {"queue": "search"},
            "retrieval.tasks.compare": {"queue": "search"},
            "generation.tasks.rescreen": {"queue": "search"},
            "review.tasks.work_on_knowledge": {"queue": "search"},
        },
        "task_acks_late": False,  # a wake-up is worth nothing once it has been heard
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "result_expires": 600,
        "timezone": "UTC",
        "beat_schedule_filename": str(Path(settings.DATA_DIR) / "run" / "beat-schedule"),
        "beat_schedule": {
            "sweep": {"task": "generation.tasks.sweep", "schedule": settings.SWEEP_SECONDS},
            "refresh": {"task": "retrieval.tasks.refresh_index", "schedule": 30.0},
            "compare": {"task": "retrieval.tasks.compare", "schedule": 60.0},
            "sources": {
                "task": "retrieval.tasks.sweep_sources",
                "schedule": settings.SWEEP_SECONDS,
            },
            "deliver": {"task": "assistant.tasks.deliver_replies", "schedule": 2.0},
            "redraft": {"task": "review.tasks.redraft_stale", "schedule": 15.0},
            "knowledge-daily": {"task": "review.tasks.start_daily_runs", "schedule": 900.0},
            "knowledge-work": {"task": "review.tasks.work_on_knowledge", "schedule": 60.0},
            "housekeeping": {"task": "assistant.tasks.housekeeping", "schedule": 60.0},
        },
    }
    if url.startswith("filesystem"):
        configuration |= {
            "broker_transport_options": {
                "data_folder_in": queue,
                "data_folder_out": queue,
                "processed_folder": processed,
                "control_folder": control,
                "store_processed": False,
                "polling_interval": 0.05,
            },
            "result_backend": "file://" + results,
        }
    elif url.startswith("redis"):
        configuration |= {"result_backend": url}
    else:
        # the solo pool cannot answer heartbeats while it works on a batch
        configuration |= {"result_backend": "rpc://", "broker_heartbeat": 0}
    if not url.startswith("filesystem"):
        configuration["broker_transport_options"] = {
            "socket_connect_timeout": 2,
            "socket_timeout": 10,
            "max_retries": 1,
        }
    return configuration


ensure_broker_folders()
app.conf.update(_configuration())
app.autodiscover_tasks()


def wake(task_name: str, *, queue: str = "default") -> None:
    """Ask a worker to look at the database once this transaction has committed.

    Never raises: when the broker is away, the sweep finds the work.
    """
    transaction.on_commit(lambda: _send(task_name, queue))


def _send(task_name: str, queue: str) -> None:
    try:
        ensure_broker_folders()
        app.send_task(task_name, queue=queue, retry=False, expires=WAKE_EXPIRES)
    except (OperationalError, OSError, ConnectionError) as error:
        logger.warning("broker away, %s waits for the sweep: %s", task_name, type(error).__name__)
    except Exception:
        logger.exception("could not announce %s; the sweep repeats it", task_name)
