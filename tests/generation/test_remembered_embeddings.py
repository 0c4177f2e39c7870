"""No text is embedded twice while it is remembered."""

from __future__ import annotations

import numpy as np

from generation.registry import RememberedEmbeddings


def test_texts_are_embedded_once_and_rows_keep_their_order() -> None:
    seen: list[str] = []

    def encode(texts):
        seen.extend(texts)
        return np.array([[len(t), 0.5] for t in texts], dtype=np.float32).reshape(-1, 2)

    embed = RememberedEmbeddings(encode, size=3)
    assert embed(["a", "bb", "a"])[:, 0].tolist() == [1, 2, 1]
    assert embed(["bb", "ccc"])[:, 0].tolist() == [2, 3]
    assert seen == ["a", "bb", "ccc"]
    assert embed(["dddd"])[:, 0].tolist() == [4]
    assert embed(["a"])[:, 0].tolist() == [1]  # the one longest unused was forgotten
    assert seen == ["a", "bb", "ccc", "dddd", "a"]
    assert embed([]).shape == (0, 2)
