"""Read reStructuredText as Markdown by docutils, Sphinx's roles and directives too. Pure.

Runs in a child process (`retrieval.isolated`): docutils keeps its roles and directives in one
registry. Nothing is included from other files, and no raw HTML is taken over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from docutils import nodes
from docutils.core import publish_doctree, publish_from_doctree
from docutils.parsers.rst import Directive, directives, roles
from docutils.statemachine import StringList
from docutils.utils import Reporter

from retrieval.pages import to_markdown

_ROLE = re.compile(r":((?:[a-z]+:)?[a-z][\w.+-]*):(?=`)|(?<=`):((?:[a-z]+:)?[a-z][\w.+-]*):", re.I)
_DIRECTIVE = re.compile(r"^[ \t]*\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?([a-z][\w:.+-]*)::", re.M | re.I)
_TARGET = re.compile(r"^(?P<words>.*?)\s*<(?P<target>[^<>]*)>$", re.DOTALL)
_CODE = {"code-block", "sourcecode", "parsed-literal", "prompt", "highlight-block", "console"}
_DROPPED = {
    "toctree", "index", "contents", "raw", "include", "literalinclude", "image", "figure", "meta",
    "highlight", "only-internal", "video", "youtube", "sectionauthor", "codeauthor", "tabularcolumns",
    "default-domain", "currentmodule", "module", "todo", "todolist", "sectnum", "graphviz", "mermaid",
    "plantuml", "automodule", "autoclass", "autofunction", "genindex", "carousel",
}  # fmt: skip
_NOTES = {
    "seealso": "See also", "versionadded": "New in version", "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version", "dropdown": "", "card": "", "grid-item-card": "",
    "tab-item": "", "tab": "", "group-tab": "", "code-tab": "", "collapse": "", "step": "", "details": "",
}  # fmt: skip
_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": Reporter.SEVERE_LEVEL + 1,
    "halt_level": Reporter.SEVERE_LEVEL + 1,
    "input_encoding": "unicode",
    "output_encoding": "unicode",
    "warning_stream": "",
    "doctitle_xform": True,
    "sectsubtitle_xform": False,
    "smart_quotes": False,
    "line_length_limit": 100_000,
    "math_output": "LaTeX",
    "embed_stylesheet": False,
    "stylesheet_path": "",
    "footnote_references": "brackets",
    "syntax_highlight": "none",
    "_disable_config": True,
}


@dataclass(frozen=True)
class Read:
    """A document's title, its text as Markdown, and its fields (`:status: draft`)."""

    title: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def read_rst(source: str) -> Read:
    """The document. What docutils can't make sense of stays as its words."""
    _register(source)
    tree = publish_doctree(source, settings_overrides=_SETTINGS)
    fields = _fields(tree)
    _simplify(tree)
    title = str(tree.get("title", ""))
    level = 2 if title else 1
    html = publish_from_doctree(
        tree, writer="html5", settings_overrides={**_SETTINGS, "initial_header_level": level}
    )
    body = re.search(r"<main[^>]*>(.*)</main>", html, re.DOTALL) or re.search(
        r"<body[^>]*>(.*)</body>", html, re.DOTALL
    )
    text = to_markdown(re.sub(r"<h1 class=\"title\">.*?</h1>", "", body[1] if body else html))
    return Read(title, f"# {title}\n\n{text}" if title else text, fields)


def _simplify(tree: nodes.document) -> None:
    """Nodes that Markdown has no word for, as what a reader sees of them."""
    for unwanted in (
        nodes.comment,
        nodes.system_message,
        nodes.docinfo,
        nodes.substitution_definition,
    ):
        for node in list(tree.findall(unwanted)):
            node.parent.remove(node)
    for node in list(tree.findall(nodes.problematic)):
        node.parent.replace(node, nodes.Text(node.astext().strip("`_|")))
    for node in tree.findall(nodes.literal):
        node["classes"] = ["code"]
    for node in list(tree.findall(nodes.footnote_reference)):
        node.parent.replace(node, nodes.Text(f"[{node.astext()}]"))
    for node in list(tree.findall(nodes.footnote)):
        label = node.next_node(nodes.label)
        words = [child for child in node.children if child is not label]
        _lead(words, nodes.Text(f"[{label.astext()}] " if label else ""))
        node.parent.replace(node, words)
    for node in list(tree.findall(nodes.Admonition)):
        children = list(node.children)
        if children and isinstance(children[0], nodes.title):
            label = children.pop(0).astext()
        else:
            label = node.tagname.capitalize()
        _lead(children, nodes.strong("", f"{label}:"), nodes.Text(" "))
        node.parent.replace(node, children)


def _lead(children: list[nodes.Node], *words: nodes.Node) -> None:
    """Put words before the first paragraph's, or in a paragraph of their own."""
    if children and isinstance(children[0], nodes.paragraph):
        for place, word in enumerate(words):
            children[0].insert(place, word)
    else:
        children.insert(0, nodes.paragraph("", "", *words))


def _fields(tree: nodes.document) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for info in tree.findall(nodes.docinfo):
        for child in info.children:
            if isinstance(child, nodes.field):
                found[child[0].astext().strip().lower()] = child[1].astext().strip()
            else:
                found[child.tagname] = child.astext().strip()
    return found


def _register(source: str) -> None:
    """A plain meaning for each role and directive in the text that docutils doesn't know."""
    for first, second in _ROLE.findall(source):
        name = (first or second).lower()
        if name not in roles._role_registry and name not in roles._roles:
            roles.register_local_role(name, _role)
    for name in set(_DIRECTIVE.findall(source)):
        name = name.lower()
        if name in _DROPPED:
            directives.register_directive(name, _Dropped)
        elif name in _CODE or name == "code":
            directives.register_directive(name, _Code)
        elif name in _NOTES or name not in directives._directive_registry:
            directives.register_directive(name, _Plain)


def _role(
    name: str,
    rawtext: str,
    text: str,
    lineno: int,
    inliner: Any,
    options: Any = None,
    content: Any = None,
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """A role's words: code for what is typed, else as they are; the title of a named target."""
    words = nodes.unescape(text)
    short = name.rsplit(":", 1)[-1].lower()
    if found := _TARGET.match(words):
        words = found["words"] or found["target"]
    elif short in {"doc", "ref"} and re.fullmatch(r"[\w/.-]+", words):
        words = re.sub(r"[-_]+", " ", words.rsplit("/", 1)[-1])
    if short in {"menuselection", "guilabel"}:
        words = words.replace("-->", "→").replace("&&", "\0").replace("&", "").replace("\0", "&")
    if short in {
        "kbd",
        "file",
        "command",
        "code",
        "samp",
        "program",
        "option",
        "envvar",
        "func",
        "class",
    }:
        return [nodes.literal(rawtext, words)], []
    if short in {"guilabel", "menuselection", "strong"}:
        return [nodes.strong(rawtext, words)], []
    if short in {"raw", "raw-html", "index"}:
        return [], []
    return [nodes.Text(words)], []


class _Any(Directive):
    """Takes whatever stands there."""

    content: Any
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: Any = None

    def run(self) -> list[nodes.Node]:
        raise NotImplementedError


class _AnyOptions(dict):
    """An option that has any name."""

    def __getitem__(self, name: str) -> Any:
        return directives.unchanged

    def __contains__(self, name: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True


class _Dropped(_Any):
    option_spec = _AnyOptions()

    def run(self) -> list[nodes.Node]:
        return []


class _Code(_Any):
    option_spec = _AnyOptions()

    def run(self) -> list[nodes.Node]:
        words = "\n".join(self.content)
        return [nodes.literal_block(words, words)]


class _Plain(_Any):
    """Its title in bold, then its content."""

    option_spec = _AnyOptions()

    def run(self) -> list[nodes.Node]:
        label = _NOTES.get(self.name.lower())
        argument, _, more = (self.arguments[0] if self.arguments else "").partition("\n")
        if more:
            self.content = StringList([*more.splitlines(), "", *list(self.content)], source="")
        body = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, body)
        found: list[nodes.Node] = list(body.children)
        if label is None and not argument:
            return found
        heading = " ".join(filter(None, [label, argument]))
        if not heading:
            return found
        return [nodes.paragraph("", "", nodes.strong("", heading)), *found]
