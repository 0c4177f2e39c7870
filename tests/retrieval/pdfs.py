"""Write small PDFs (ISO 32000, Helvetica) for tests: lines of text, ruled tables, scans, passwords."""

from __future__ import annotations

from collections.abc import Sequence

Line = tuple[float, float, float, str]  # x, y from the bottom, size, text


def page(lines: Sequence[Line], boxes: Sequence[tuple[float, float, float, float]] = ()) -> bytes:
    """A page's content: text lines, and rectangles (x, y, width, height) as a table's rules."""
    drawn = [f"{x} {y} {w} {h} re S" for x, y, w, h in boxes]
    for x, y, size, text in lines:
        escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        drawn.append(f"BT /F1 {size} Tf {x} {y} Td ({escaped}) Tj ET")
    return "\n".join(drawn).encode("latin-1")


def paragraphs(*lines: str, top: float = 700, size: float = 11) -> list[Line]:
    """Lines of one paragraph from the top down."""
    return [(72, top - n * 14, size, text) for n, text in enumerate(lines)]


def pdf(pages: Sequence[bytes], *, title: str = "", encrypted: bool = False) -> bytes:
    """The file."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, content in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    objects.append(f"<< /Title ({title}) >>".encode("latin-1"))
    info = len(objects)
    if encrypted:
        objects.append(
            b"<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <" + b"11" * 32
            + b"> /U <" + b"22" * 32 + b"> >>"
        )  # fmt: skip
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    locked = f" /Encrypt {len(objects)} 0 R /ID [<00> <00>]" if encrypted else ""
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info {info} 0 R{locked} >>\n".encode()
    out += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(out)
