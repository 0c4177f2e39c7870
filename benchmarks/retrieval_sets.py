"""Sets for `evaluate retrieval` beside `reranking_questions.py`'s.

    python benchmarks/retrieval_sets.py --data DIR --out DIR [--limit 400] [--articles 60]

Writes into OUT, drawn by a digest of the id, dialogues as groups:

`doc2dial_thread.jsonl`, `doc2dial_last.jsonl`   the held-out half of the dialogues (by a digest)
`doc2dial_two.jsonl`   two first turns about different pages in one message: both pages are right
`dstc11/`, `dstc11.jsonl`   each FAQ an article; threads whose reply needed one of them
`squad/`, `squad.jsonl`   each paragraph an article; half of the questions have no answer
`kb/`, `kb.jsonl`   a sample of the three `kb/` sets. The questions are known-item queries: the words by
    which *another* article links to one, where they aren't its title; no customer wrote them
"""

from __future__ import annotations

import argparse
import hashlib
import json
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Rows = list[Row]

LINK = re.compile(r"(?<!!)\[([^\]\[]{12,120})\]\(([^)#\s]+\.md)(?:#[^)\s]*)?\)")
LEAST_WORDS = 3  # of a link's text


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def drawn(rows: Iterable[Row], limit: int) -> Rows:
    """`limit` rows, the same ones each time."""
    return sorted(rows, key=lambda row: digest(row["id"]))[:limit]


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    print(f"{path.name}: {len(rows)}")


def article(path: Path, title: str, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\ntitle: {json.dumps(title, ensure_ascii=False)}\n---\n\n{text.strip()}\n")


def doc2dial(folder: Path, out: Path, limit: int) -> None:
    for name, source in (("thread", "history"), ("last", "last_turn")):
        rows = read(folder / f"questions_{source}.jsonl")
        for row in rows:
            row["group"] = row["id"].rpartition("_")[0]
        held_out = [row for row in rows if int(digest(row["group"]), 16) % 2]
        write(out / f"doc2dial_{name}.jsonl", drawn(held_out, limit))
    firsts = [row for row in held_out if row["id"].endswith("_1")]
    firsts.sort(key=lambda row: digest(row["id"]))
    pairs = zip(firsts[::2], firsts[1::2], strict=False)
    write(out / "doc2dial_two.jsonl", [both(a, b) for a, b in pairs if a["gold"] != b["gold"]])


def both(first: Row, second: Row) -> Row:
    text = f"{asked(first['query'])} {asked(second['query'])}"
    return {
        "id": f"{first['id']}+{second['id']}",
        "query": text,
        "gold": [*first["gold"], *second["gold"]],
    }


def asked(text: str) -> str:
    """With a question mark where it has no end, as two questions in one message have."""
    return text if text.rstrip().endswith("?") else f"{text.rstrip(' .!')}?"


def dstc11(folder: Path, out: Path, limit: int) -> None:
    knowledge = json.loads((folder / "knowledge.json").read_text())
    for domain, entities in knowledge.items():
        for entity, held in entities.items():
            for number, faq in held.get("faqs", {}).items():
                title = f"{held['name'] or domain.title()}: {faq['question']}"
                article(out / "dstc11" / domain / entity / f"{number}.md", title, faq["answer"])
    logs = json.loads((folder / "val_logs.json").read_text())
    labels = json.loads((folder / "val_labels.json").read_text())
    rows = []
    for number, (turns, label) in enumerate(zip(logs, labels, strict=True)):
        gold = [
            f"{known['domain']}/{known['entity_id']}/{known['doc_id']}.md"
            for known in label.get("knowledge", ())
            if known["doc_type"] == "faq"
        ]
        if gold:
            roles = {"U": "customer", "S": "agent"}
            thread = [{"role": roles[turn["speaker"]], "text": turn["text"]} for turn in turns]
            rows.append(
                {"id": str(number), "query": turns[-1]["text"], "gold": gold, "thread": thread}
            )
    write(out / "dstc11.jsonl", drawn(rows, limit))


def squad(path: Path, out: Path, limit: int) -> None:
    rows: Rows = []
    for topic in json.loads(path.read_text())["data"]:
        for number, paragraph in enumerate(topic["paragraphs"]):
            name = f"{topic['title']}/{number}.md"
            article(out / "squad" / name, topic["title"].replace("_", " "), paragraph["context"])
            rows += [
                {
                    "id": question["id"],
                    "query": question["question"].strip(),
                    "gold": [name],
                    "answerable": not question["is_impossible"],
                }
                for question in paragraph["qas"]
            ]
    write(out / "squad.jsonl", drawn(rows, limit))


def knowledge_base(folder: Path, out: Path, limit: int, articles: int) -> None:
    """`articles` of each set that are linked to (0: every article), and the words that link there."""
    rows: Rows = []
    for part in sorted(path.name for path in folder.iterdir()):
        texts = {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8", errors="replace")
            for path in sorted((folder / part).rglob("*.md"))
        }
        links: dict[str, set[str]] = {}
        for source, text in texts.items():
            for words, target in LINK.findall(text):
                found = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
                if found in texts and found != source and tells(words, texts[found]):
                    links.setdefault(found, set()).add(" ".join(words.split()))
        chosen = sorted(links, key=digest)[: articles or None]
        for name in chosen if articles else texts:
            path = out / "kb" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[name], encoding="utf-8")
        rows += [
            {"id": f"{name}#{words}", "query": words, "gold": [name], "group": name}
            for name in chosen
            for words in sorted(links[name])
        ]
    write(out / "kb.jsonl", drawn(rows, limit))


def tells(words: str, target: str) -> bool:
    """Whether a link's words are a query of their own, and not the target's title over again."""
    plain = " ".join(re.findall(r"\w+", words.lower()))
    head = " ".join(re.findall(r"\w+", target[:2_000].lower()))
    return len(plain.split()) >= LEAST_WORDS and plain not in head


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=400)
    parser.add_argument("--articles", type=int, default=60, help="of each kb/ set; 0: all of them")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    doc2dial(options.data / "doc2dial", options.out, options.limit)
    dstc11(options.data / "dstc11_track5_val", options.out, options.limit)
    squad(options.data / "squad2_dev_half" / "dev-v2.0.json", options.out, options.limit)
    knowledge_base(options.data / "kb", options.out, options.limit, options.articles)


if __name__ == "__main__":
    main()
