"""What events say of rows, and whether the rows still say it. The table itself is `assistant.audit.rows`.

An event is of its time and a row is of now, so of several events about one column the last counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from assistant.audit.content import instant


@dataclass(frozen=True)
class Said:
    """An event as its exact bytes say it."""

    index: int
    at: str
    action: str
    actor: str
    ticket: int | None
    draft: int | None
    model: str
    data: Mapping[str, Any]


def said(canonical: str) -> Said | None:
    """The event of these bytes; None where they are none."""
    try:
        told = json.loads(canonical)
        names = ("index", "at", "action", "actor", "ticket", "draft", "model", "data")
        found = Said(**{name: told[name] for name in names})
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found.data, dict) else None


class _Nothing:
    """The event says nothing of this column."""


class _Open:
    """From this event on the log does not say what the column holds."""


NOTHING, OPEN = _Nothing(), _Open()


@dataclass(frozen=True)
class OneOf:
    """Several values are right: the steps between them are no events."""

    values: tuple[Any, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.values))


Reader = Callable[[Said], Any]


@dataclass(frozen=True)
class Column:
    """A column, how its value stands in an event (`written`), and back (`read`; None: not to be had)."""

    of: Reader
    written: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] | None = lambda value: value

    def as_written(self, value: Any) -> Any:
        """As an event would hold it; of a changed row it may be anything, which no event says."""
        try:
            return self.written(value)
        except (TypeError, ValueError, KeyError, AttributeError):
            return f"unreadable: {value!r}"[:200]


def from_data(name: str) -> Column:
    """As it stands in the event's data."""
    return Column(lambda event: event.data.get(name, NOTHING))


def from_event(name: str) -> Column:
    """One of the event's own fields: ticket, draft."""
    return Column(lambda event: getattr(event, name))


def always(value: Any) -> Column:
    """What the event means without saying it."""
    return Column(lambda event: value)


def text_of(name: str) -> Column:
    """A number that the event holds as text, for it may be larger than JSON's."""
    return Column(lambda event: event.data.get(name, NOTHING), str, int)


def rounded(name: str, places: int) -> Column:
    """A decimal number, as the event rounds it."""
    return Column(
        lambda event: event.data.get(name, NOTHING),
        lambda value: None if value is None else f"{value:.{places}f}",
        lambda text: None if text is None else float(text),
    )


def _moment(value: datetime | None) -> str | None:
    return instant(value) if value is not None else None


AT = Column(lambda event: event.at, _moment, lambda text: parse_datetime(text) if text else None)
NEVER = Column(lambda event: None, _moment)


def person_of(actor: str) -> int | None:
    """The number of the person in an actor's name; None for programs."""
    kind, _, rest = actor.partition(":")
    number = rest.partition(":")[0]
    return int(number) if kind == "user" and number.isdigit() else None


BY = Column(lambda event: person_of(event.actor) or NOTHING)


@dataclass(frozen=True)
class Kind:
    """A kind of row: its model by label, and the columns by which events name it.

    `more` is the dotted name of a function that takes primary keys and gives columns which are no
    database columns, by key. `of_ticket`: it has a ticket, and so have its events. `all_named`: which
    rows cannot be there without an event (a filter); None where some can.
    """

    name: str
    model: str
    key: tuple[str, ...] = ("pk",)
    more: str = ""
    of_ticket: bool = False
    all_named: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Statement:
    """Events of this action say of the row that `key` names what `columns` read."""

    action: str
    kind: str
    key: tuple[Reader, ...]
    columns: Mapping[str, Column]
    gone: Reader = lambda event: False  # the row was deleted


@dataclass(frozen=True)
class Fact:
    """What an event says of one column. `value` as it is written in the event."""

    value: Any
    index: int
    column: Column

    def holds(self, actual: Any) -> bool:
        wanted = self.value.values if isinstance(self.value, OneOf) else (self.value,)
        return self.column.as_written(actual) in wanted


Key = tuple[Any, ...]


@dataclass
class Row:
    """All that the log says of one row."""

    kind: str
    key: Key
    facts: dict[str, Fact] = field(default_factory=dict)
    gone: bool = False
    index: int = 0  # the last event that speaks of it

    def told(self, column: str) -> Any:
        """The log's own value as a row would hold it; NOTHING where it says none, or several."""
        fact = self.facts.get(column)
        if fact is None or fact.column.read is None or isinstance(fact.value, OneOf):
            return NOTHING
        return fact.column.read(fact.value)


Rows = dict[tuple[str, Key], Row]


def fold(rows: Rows, events: Iterable[Said], statements: Mapping[str, list[Statement]]) -> Rows:
    """Add what these events say, in their order; returns `rows`."""
    for event in events:
        for statement in statements.get(event.action, ()):
            key = tuple(read(event) for read in statement.key)
            if any(part is None or part is NOTHING for part in key):
                continue
            row = rows.setdefault((statement.kind, key), Row(statement.kind, key))
            row.gone, row.index = bool(statement.gone(event)), event.index
            for name, column in statement.columns.items():
                value = column.of(event)
                if value is OPEN:
                    row.facts.pop(name, None)
                elif value is not NOTHING:
                    row.facts[name] = Fact(value, event.index, column)
    return rows


@dataclass(frozen=True)
class Difference:
    """A row that says something else than the log: `index` is the event that it contradicts."""

    index: int | None  # None: no event speaks of it
    what: str
    expected: Any
    actual: Any


def differences(row: Row, actual: Mapping[str, Any] | None) -> Iterator[Difference]:
    """What the row as it stands (None: it is gone) contradicts, in the order of the events."""
    name = f"{row.kind} {', '.join(map(str, row.key))}"
    if actual is None:
        if not row.gone:
            yield Difference(row.index, f"{name} is not in the database any more", "a row", None)
        return
    if row.gone:
        yield Difference(row.index, f"{name} was deleted and is there again", None, "a row")
        return
    for column, fact in sorted(row.facts.items(), key=lambda item: item[1].index):
        if column in actual and not fact.holds(actual[column]):
            expected = str(fact.value) if isinstance(fact.value, OneOf) else fact.value
            yield Difference(
                fact.index,
                f"{name}: {column.replace('__', '.')} is not what the event says",
                expected,
                fact.column.as_written(actual[column]),
            )
