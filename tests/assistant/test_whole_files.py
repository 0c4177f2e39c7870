"""A full disk or a killed process leaves what was there, or what should be there: never a half file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assistant.channels import mail
from assistant.channels.base import DeliveryError
from assistant.whole_files import folder_made_whole, write_whole, written_whole
from generation.confidence import ConfidenceModel
from retrieval.sealed import DamagedSnapshot, check, seal, settle
from retrieval.sources import upload
from tests.full_disk import no_room_above

HERE = [HealthCheck.function_scoped_fixture]


@given(st.binary(max_size=3000) | st.text(max_size=1000), st.integers(0, 3000))
@hypothesis_settings(deadline=None, suppress_health_check=HERE, max_examples=60)
def test_a_file_is_the_new_one_or_the_old_one(
    tmp_path: Path, content: bytes | str, room: int
) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"as it was")
    wanted = content if isinstance(content, bytes) else content.encode(errors="replace")
    content = content if isinstance(content, bytes) else wanted.decode()
    with no_room_above(room):
        try:
            write_whole(path, content)
            fits = True
        except OSError:
            fits = False
    assert fits == (len(wanted) <= room)
    assert path.read_bytes() == (wanted if fits else b"as it was")
    assert os.listdir(tmp_path) == ["state"]
    if fits:
        assert path.stat().st_mode & 0o777 == 0o600


def test_an_error_of_the_writer_leaves_the_old_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "state", "as it was")

    def write() -> None:
        with written_whole(tmp_path / "state") as file:
            file.write("half of it")
            raise KeyError("ours")

    with pytest.raises(KeyError):
        write()
    assert (tmp_path / "state").read_text() == "as it was"
    assert os.listdir(tmp_path) == ["state"]


def test_of_two_first_writers_one_wins(tmp_path: Path) -> None:
    write_whole(tmp_path / "key", "first", replace=False)
    write_whole(tmp_path / "key", "second", replace=False)
    assert (tmp_path / "key").read_text() == "first"
    assert os.listdir(tmp_path) == ["key"]


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_whole(path, "0" * 500_000)
    code = (
        "import sys, itertools\nfrom pathlib import Path\n"
        "from assistant.whole_files import write_whole\n"
        "for n in itertools.count(1): write_whole(Path(sys.argv[1]), str(n % 10) * 500_000)"
    )
    for pause in (0.3, 0.35, 0.41):
        writer = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=settings.BASE_DIR)
        time.sleep(pause)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        text = path.read_text()
        assert len(text) == 500_000
        assert len(set(text)) == 1


def test_a_folder_is_there_with_all_its_files_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "models" / "one"

    def fill() -> None:
        with folder_made_whole(path) as folder:
            (folder / "small").write_bytes(b"x")
            (folder / "large").write_bytes(b"x" * 5000)

    with no_room_above(1000), pytest.raises(OSError, match="too large"):
        fill()
    assert os.listdir(tmp_path / "models") == []
    fill()
    fill()  # a second process that was slower
    assert sorted(os.listdir(path)) == ["large", "small"]
    assert os.listdir(tmp_path / "models") == ["one"]


# --- what the product writes ----------------------------------------------------------------


def test_a_mail_is_written_whole_or_tried_again(
    tmp_path: Path, settings: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAIL_DIR = tmp_path
    monkeypatch.setattr(mail, "compose", lambda reply, *, now: b"Subject: x\n\n" + b"a" * 5000)
    reply = SimpleNamespace(ticket_number=7, key="k")
    with no_room_above(1000), pytest.raises(DeliveryError):
        mail.MailFile().deliver(reply)  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == []
    assert len(mail.MailFile().deliver(reply)) > 5000  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == ["7-k.eml"]


def test_an_upload_is_kept_whole_or_not_at_all(tmp_path: Path, settings: SimpleNamespace) -> None:
    settings.UPLOAD_DIR = tmp_path / "uploads"
    files = [SimpleUploadedFile("a.md", b"# A"), SimpleUploadedFile("b.md", b"b" * 5000)]
    with no_room_above(1000), pytest.raises(upload.BadUpload, match="disk is full"):
        upload.keep(files)
    assert os.listdir(settings.UPLOAD_DIR) == []
    batch = upload.keep(files)
    assert sorted(os.listdir(upload.folder_of(batch))) == ["a.md", "b.md"]


def test_a_confidence_model_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    bundled = Path(settings.BASE_DIR) / "models" / "confidence"
    model = ConfidenceModel.load(bundled)
    model.save(tmp_path)
    with no_room_above(100), pytest.raises(OSError, match="too large"):
        model.save(tmp_path)
    assert ConfidenceModel.load(tmp_path) == model


def test_a_damaged_folder_of_the_index_is_replaced_by_a_whole_one(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        aside = tmp_path / name
        aside.mkdir()
        (aside / "vectors").write_bytes(b"v" * 3000)
        digests.append(seal(aside, {"n": 1}))
    assert digests[0] == digests[1]
    settle(tmp_path / "one", tmp_path / "final", digests[0])
    (tmp_path / "final" / "vectors").write_bytes(b"v" * 100)
    with pytest.raises(DamagedSnapshot):
        check(tmp_path / "final", digests[0])
    settle(tmp_path / "two", tmp_path / "final", digests[0])
    check(tmp_path / "final", digests[0])


# Where else files are opened for writing, and why each may.
ASIDE = {
    "assistant/whole_files.py": "this is where",
    "assistant/filesystem_broker.py": "a wake-up: written aside and renamed, and worth nothing after a crash",
    "generation/safety/checkpoint.py": "within folder_made_whole",
    "generation/training/stages.py": "weights with a manifest, and a picture that only people look at",
    "generation/training/packing.py": "weights with a manifest; a card and a picture for people",
    "generation/training/finetuning.py": "weights with a manifest; a card and a picture for people",
    "generation/training/reranker.py": "a card for people",
    "generation/training/confidence.py": "a card for people",
    "generation/training/steps.py": "within written_whole; a journal of figures, for people",
    "generation/training/corpus.py": "within written_whole",
    "retrieval/lexical.py": "within a folder that `sealed` syncs and renames",
    "retrieval/segments.py": "within a folder that `sealed` syncs and renames",
    "retrieval/snapshots.py": "within a folder that `sealed` syncs and renames",
    "retrieval/vector_index.py": "within a folder that `sealed` syncs and renames",
    "retrieval/sealed.py": "the last file of such a folder",
    "retrieval/sources/upload.py": "within folder_made_whole, and copies for one run",
    "retrieval/sources/archive.py": "unpacked for one run, then deleted",
    "retrieval/minilm.py": "a bundle that training makes; its manifest comes last, written whole",
    "retrieval/building.py": "an empty file to lock",
}
WRITES = re.compile(
    r"""write_text\(|write_bytes\(|open\([^)]*["'][wax]b?\+?["']|mkstemp|NamedTemporaryFile|copyfile|"""
    r"""copytree|save_pretrained\(|save_file\(|np\.savez?\(|write_index\(|torch\.save\("""
)


def test_no_other_file_is_written_in_place() -> None:
    root = Path(settings.BASE_DIR)
    found = {
        path.relative_to(root).as_posix()
        for floor in ("assistant", "retrieval", "generation", "review")
        for path in (root / floor).rglob("*.py")
        if WRITES.search(path.read_text(encoding="utf-8"))
    }
    assert found == set(ASIDE)
