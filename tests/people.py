"""The cast: five people whom every test knows, each with the role they have everywhere.

    Mara    agent
    Jonas   agent, Mara's colleague
    Priya   knowledge admin
    Otto    auditor
    Ada     administrator

Use the fixtures of the same names, and `sign_in` for a browser that is theirs:

    def test_…(mara, sign_in):
        page = sign_in(mara).get("/review/")
"""

from __future__ import annotations

from django.test import Client

from assistant.models import User

PASSWORD = "correct-horse-battery-staple"

ROLES: dict[str, User.Role] = {
    "mara": User.Role.AGENT,
    "jonas": User.Role.AGENT,
    "priya": User.Role.KNOWLEDGE_ADMIN,
    "otto": User.Role.AUDITOR,
    "ada": User.Role.ADMINISTRATOR,
}
LAST_NAMES = {
    "mara": "Lindqvist",
    "jonas": "Brandt",
    "priya": "Raman",
    "otto": "Weiss",
    "ada": "Okafor",
}


def person(username: str) -> User:
    """One of the cast, made on first use."""
    found = User.objects.filter(username=username).first()
    if found is not None:
        return found
    return User.objects.create_user(
        username=username,
        password=PASSWORD,
        email=f"{username}@countersign.example",
        first_name=username.capitalize(),
        last_name=LAST_NAMES[username],
        role=ROLES[username],
    )


def signed_in(user: User) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(user, backend="assistant.access.RoleBackend")
    return client
