"""A person at the console without a browser: cookies, forms, links. Standard library only."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Every form of a page with what a browser would submit untouched (without its buttons)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.by_id: dict[str, Form] = {}
        self._current: Form | None = None
        self._textarea: tuple[Form, str] | None = None
        self._loose: list[tuple[str, str, str]] = []  # fields tied to a form by its id

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._current = Form(at.get("action", ""))
            self.forms.append(self._current)
            if "id" in at:
                self.by_id[at["id"]] = self._current
        elif tag in {"input", "textarea"} and at.get("name"):
            if at.get("type") in {"submit", "button", "checkbox", "radio"} and "checked" not in at:
                return
            if "form" in at:
                self._loose.append((at["form"], at["name"], at.get("value", "")))
                self._textarea = (Form(at["form"]), at["name"]) if tag == "textarea" else None
            elif self._current is not None:
                self._current.fields[at["name"]] = at.get("value", "")
                if tag == "textarea":
                    self._textarea = (self._current, at["name"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._current = None
        elif tag == "textarea":
            self._textarea = None

    def handle_data(self, data: str) -> None:
        if self._textarea is None:
            return
        form, name = self._textarea
        form.fields[name] = form.fields.get(name, "") + data
        for place, (form_id, loose, value) in enumerate(self._loose):
            if form_id == form.action and loose == name:
                self._loose[place] = (form_id, loose, value + data)

    def finish(self) -> list[Form]:
        for form_id, name, value in self._loose:
            if form_id in self.by_id:
                self.by_id[form_id].fields[name] = value
        for form in self.forms:  # HTML drops the first newline of a textarea
            for name, value in form.fields.items():
                if value.startswith("\n"):
                    form.fields[name] = value[1:]
        return self.forms


class HttpAgent:
    """One person's session."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.url = base
        self.page = ""

    def get(self, path: str) -> str:
        return self._open(urllib.request.Request(urllib.parse.urljoin(self.url, path)))

    def get_json(self, path: str) -> dict:
        try:
            return json.loads(self.get(path))
        except urllib.error.HTTPError as error:
            return json.loads(error.read())

    def form(self, action: str) -> Form:
        """The page's form whose action contains these words."""
        parser = _Forms()
        parser.feed(self.page)
        for form in parser.finish():
            if action in (form.action or self.url):
                return form
        raise AssertionError(f"no form for {action} on {self.url}")

    def submit(self, form: Form, **changes: str) -> str:
        data = urllib.parse.urlencode(form.fields | changes).encode()
        target = urllib.parse.urljoin(self.url, form.action or self.url)
        request = urllib.request.Request(target, data, {"Referer": self.url})
        return self._open(request)

    def sign_in(self, username: str, password: str) -> None:
        self.get("/sign-in/")
        self.submit(self.form("sign-in"), username=username, password=password)
        if "/sign-in/" in self.url:
            raise AssertionError(f"{username} could not sign in")

    def _open(self, request: urllib.request.Request) -> str:
        with self._opener.open(request, timeout=60) as answer:
            self.url = answer.geturl()
            self.page = answer.read().decode()
        return self.page

    def tickets_listed(self) -> list[int]:
        """The numbers of the tickets that the queue links to, in order."""
        return list(dict.fromkeys(int(n) for n in re.findall(r'href="/review/(\d+)/', self.page)))
