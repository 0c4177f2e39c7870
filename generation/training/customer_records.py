"""Records from the cleared sets of real questions, and from a retailer's policy manual."""

from __future__ import annotations

import csv
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from generation.prompts import Passage, Turn, sentences
from generation.training.records import (
    MAX_STEP_WORDS,
    Record,
    distractors,
    is_held_out,
    make_record,
)
from generation.training.voices import in_a_voice, sentence_question


def doc2dial_records(folder: Path, rng: random.Random, *, times: int = 4) -> Iterator[Record]:
    """Real turns on government pages; the body is the gold span, widened to whole sentences."""
    documents = {d["doc_id"]: d["text"] for d in _json_lines(folder / "docs.jsonl")}
    pieces = {name: _page_sections(name, text) for name, text in documents.items()}
    pool = [p for name, page in pieces.items() if not is_held_out(f"doc2dial:{name}") for p in page]
    for row in _json_lines(folder / "turns.jsonl"):
        page, group = documents[row["doc_id"]], f"doc2dial:{row['doc_id']}"
        gold = row["grounding"].strip()
        turns = [
            Turn("customer" if turn["role"] == "user" else "agent", turn["text"])
            for turn in row["turns"]
        ]
        if len(gold.split()) < 4 or turns[-1].role != "customer":
            continue
        for number in range(times if not is_held_out(group) else 1):
            window = _window(page, row["grounding_start"], len(gold), rng)
            if window is None:
                break
            passage = Passage(_page_title(row["doc_id"]), window[0], window[1])
            record = make_record(
                name=f"doc2dial:{row['id']}:{number}",
                source="doc2dial",
                group=group,
                synthetic=False,
                thread=turns[-rng.choice((1, 3, 5)) :] if number else turns[-5:],
                passages=[passage, *distractors(pool, pieces[row["doc_id"]], rng)],
                topic=passage.heading_path[-1] if passage.heading_path else passage.title,
                body=window[2],
                rng=rng,
            )
            if record:
                yield record


def _page_title(doc_id: str) -> str:
    return re.split(r"\s*\|\s*|#", doc_id)[0].strip()


def _page_sections(doc_id: str, text: str) -> list[Passage]:
    found = []
    for block in re.split(r"\n\s*\n", text):
        heading, _, body = block.strip().partition("\n")
        if len(body.split()) > 15:
            found.append(Passage(_page_title(doc_id), body, (heading.strip(),)))
    return found


def _window(
    page: str, start: int, length: int, rng: random.Random
) -> tuple[str, tuple[str, ...], str] | None:
    """(passage text, heading path, body) around the gold span at ``start`` in the page."""
    begin = page.rfind("\n\n", 0, start + 1)
    begin = 0 if begin < 0 else begin
    end = page.find("\n\n", start + length)
    block = page[begin : end if end >= 0 else len(page)].strip("\n")
    offset = start - page.index(block, begin)
    heading, newline, body = block.partition("\n")
    if not newline or offset < len(heading):
        return None
    offset -= len(heading) + 1
    lines = sentences(body)
    spans, at = [], 0
    for line in lines:
        at = body.index(line, at)
        spans.append((at, at + len(line)))
        at += len(line)
    gold = [i for i, (a, b) in enumerate(spans) if b > offset and a < offset + length]
    if not gold or sum(len(lines[i].split()) for i in gold) > MAX_STEP_WORDS:
        return None
    low, high = gold[0], gold[-1] + 1
    room = rng.choice((50, 80, 120, 170)) - sum(len(s.split()) for s in lines[low:high])
    while room > 0 and (low > 0 or high < len(lines)):
        before = low > 0 and (high >= len(lines) or rng.random() < 0.6)
        low, high = (low - 1, high) if before else (low, high + 1)
        room -= len(lines[low if before else high - 1].split())
    kept = body[spans[low][0] : spans[high - 1][1]]
    answer = body[spans[gold[0]][0] : spans[gold[-1]][1]]
    return kept, (heading.strip(),), answer


def product_records(folder: Path, rng: random.Random, *, times: int = 3) -> Iterator[Record]:
    """Real shoppers' questions: choose the evidence that answers among a product's other texts."""
    with (folder / "ePQA" / "dev.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_question: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        by_question[row["ASIN"], row["question"]].append(row)
    for (product, question), found in by_question.items():
        right = _evidence(r["candidate"] for r in found if r["label"] == "2")
        wrong = _evidence(r["candidate"] for r in found if r["label"] == "0")
        title = (found[0].get("title") or "Product")[:80]
        for number in range(min(len(right), times)):
            answers = rng.sample(right, min(len(right), rng.choice((1, 1, 2))))
            record = _product_record(
                f"{product}:{found[0]['qid']}:{number}",
                product,
                question,
                title,
                answers,
                wrong,
                rng,
            )
            if record:
                yield record
    yield from _shopping_records(folder, rng)


def _shopping_records(folder: Path, rng: random.Random) -> Iterator[Record]:
    """hetPQA's questions with one evidence each, among evidence on other questions."""
    with (folder / "hetPQA/answer_generation/train.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["source"] != "attribute"]
    by_product: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_product[row["ASIN"]] += _evidence([row["candidate"]])
    everything = [text for texts in by_product.values() for text in texts]
    for number, row in enumerate(rows):
        answers = _evidence([row["candidate"]])
        others = by_product[row["ASIN"]] + rng.sample(everything, 4)
        wrong = [text for text in dict.fromkeys(others) if text not in answers]
        record = answers and _product_record(
            f"{row['ASIN']}:hetpqa{number}", row["ASIN"], row["question"], "Product details",
            answers, wrong, rng,
        )  # fmt: skip
        if record:
            yield record


def _product_record(
    name: str,
    product: str,
    question: str,
    title: str,
    answers: list[str],
    wrong: list[str],
    rng: random.Random,
) -> Record | None:
    lines = rng.sample(wrong, min(len(wrong), rng.randint(2, 6)))
    body: list[str] = []
    for answer in answers:  # in the order in which they will stand
        at = rng.randint(lines.index(body[-1]) + 1 if body else 0, len(lines))
        lines.insert(at, answer)
        body.append(answer)
    return make_record(
        name=f"product_qa:{name}",
        source="product_qa",
        group=f"product_qa:{product}",
        synthetic=False,
        thread=[Turn("customer", question)],
        passages=[Passage(title, "\n".join(lines))],
        topic=title,
        body="\n".join(body),
        rng=rng,
    )


def _evidence(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(_sentence_case(text) for text in texts if _good_evidence(text)))


def _good_evidence(text: str) -> bool:
    return 5 <= len(text.split()) <= 45 and "value:" not in text and "Question:" not in text


def _sentence_case(text: str) -> str:
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def travel_records(folder: Path, rng: random.Random) -> Iterator[Record]:
    """Hotels' and restaurants' FAQs: the FAQ's own question, and travellers' real turns on it."""
    knowledge = json.loads((folder / "knowledge.json").read_text(encoding="utf-8"))
    asked: list[tuple[str, str, str, str, tuple[Turn, ...]]] = []
    for domain, places in knowledge.items():
        for entity, place in places.items():
            for number, faq in place.get("faqs", {}).items():
                turn = (Turn("customer", in_a_voice(faq["question"], rng)),)
                asked.append((domain, entity, number, f"faq{number}", turn))
    logs = json.loads((folder / "val_logs.json").read_text(encoding="utf-8"))
    labels = json.loads((folder / "val_labels.json").read_text(encoding="utf-8"))
    for number, (log, label) in enumerate(zip(logs, labels, strict=True)):
        snippets = label.get("knowledge", []) if label["target"] else []
        faqs = [s for s in snippets if s["doc_type"] == "faq"]
        if len(faqs) == 1:
            turns = tuple(
                Turn("customer" if turn["speaker"] == "U" else "agent", turn["text"])
                for turn in log[-3:]
            )
            where = faqs[0]
            asked.append(
                (where["domain"], str(where["entity_id"]), str(where["doc_id"]), f"{number}", turns)
            )
    for domain, entity, faq_number, name, thread in asked:
        place = knowledge[domain][entity]
        faqs = place["faqs"]
        if thread[-1].role != "customer" or faq_number not in faqs:
            continue
        others = [faqs[n]["answer"] for n in faqs if n != faq_number]
        lines = rng.sample(others, k=min(len(others), rng.randint(1, 6)))
        lines.insert(rng.randint(0, len(lines)), faqs[faq_number]["answer"])
        record = make_record(
            name=f"dstc11:{domain}:{entity}:{name}",
            source="dstc11",
            group=f"dstc11:{domain}:{entity}",
            synthetic=name.startswith("faq"),
            thread=thread,
            passages=[Passage(place["name"].title(), "\n".join(lines))],
            topic=place["name"].title(),
            body=faqs[faq_number]["answer"],
            rng=rng,
        )
        if record:
            yield record
    yield from _review_records(knowledge, logs, labels, rng)


def _review_records(
    knowledge: dict[str, Any], logs: list[Any], labels: list[Any], rng: random.Random
) -> Iterator[Record]:
    """Travellers' questions that several sentences of guests' reviews answer, seldom adjacent."""
    for number, (log, label) in enumerate(zip(logs, labels, strict=True)):
        gold = label.get("knowledge", []) if label["target"] else []
        places = {(s["domain"], str(s["entity_id"])) for s in gold}
        if len(places) != 1 or log[-1]["speaker"] != "U":
            continue
        ((domain, entity),) = places
        place = knowledge[domain][entity]
        wanted = {(str(s["doc_id"]), str(s["sent_id"])) for s in gold if s["doc_type"] == "review"}
        if not 1 <= len(wanted) <= 3:
            continue
        lines, body = [], []
        reviews = sorted({doc for doc, _ in wanted})
        for doc in rng.sample(reviews, len(reviews)):
            said = place["reviews"][doc]["sentences"]
            lines += said.values()
            body += [text for sent, text in said.items() if (doc, sent) in wanted]
        record = make_record(
            name=f"dstc11:{domain}:{entity}:reviews{number}",
            source="dstc11",
            group=f"dstc11:{domain}:{entity}",
            synthetic=False,
            thread=[
                Turn("customer" if turn["speaker"] == "U" else "agent", turn["text"])
                for turn in log[-3:]
            ],
            passages=[Passage(place["name"].title(), "\n".join(lines))],
            topic=place["name"].title(),
            body="\n".join(body),
            rng=rng,
        )
        if record:
            yield record


def policy_records(folder: Path, rng: random.Random) -> Iterator[Record]:
    """A retailer's policy manual: a subflow is a section, its actions are the steps."""
    flows = json.loads((folder / "guidelines.json").read_text(encoding="utf-8"))
    for flow, content in flows.items():
        for subflow, details in content["subflows"].items():
            texts = [re.sub(r"[\[\]]", "", a["text"]).strip() for a in details["actions"]]
            texts = [t if t[-1:] in ".!?" else t.rstrip(": -") + "." for t in texts if t]
            passage = Passage("Store policy", "\n".join(texts), (flow, subflow))
            for number, text in enumerate(texts):
                question = sentence_question(text, subflow, rng)
                if not question or len(text.split()) < 6:
                    continue
                record = make_record(
                    name=f"abcd:{flow}/{subflow}:{number}",
                    source="abcd",
                    group=f"abcd:{flow}/{subflow}",
                    synthetic=True,
                    thread=[Turn("customer", in_a_voice(question, rng))],
                    passages=[passage],
                    topic=subflow,
                    body=text,
                    rng=rng,
                )
                if record:
                    yield record


def _json_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
