"""The characters of a file: by its byte order mark, by what it declares, else UTF-8. Pure."""

from __future__ import annotations

import codecs
import re

from bs4.dammit import EncodingDetector
from charset_normalizer import from_bytes

_MARKS = [
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
]
# as browsers take these names (WHATWG Encoding Standard, "labels")
_AS_BROWSERS = {
    "iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252",
    "ascii": "cp1252", "l1": "cp1252", "iso8859-1": "cp1252", "iso_8859-1": "cp1252",
    "iso-8859-9": "cp1254", "latin5": "cp1254", "tis-620": "cp874", "iso-8859-11": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "chinese": "gb18030",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932",
    "windows-31j": "cp932", "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "ksc5601": "cp949",
    "big5": "big5hkscs", "utf-16": "utf-8", "utf-16le": "utf-8", "utf-16be": "utf-8",
}  # fmt: skip
# PEP 263's form, which Emacs and Vim know; Asciidoctor's attribute
_IN_TEXT = re.compile(rb"(?:coding[:=]|^:encoding:|fileencoding=)[ \t]*([-\w.]+)", re.MULTILINE)
_SAMPLE = 20_000


class Undecodable(ValueError):
    """Bytes that are no text, in words that fit after the file's name."""


def decode(raw: bytes, *, is_html: bool = False) -> str:
    """The text with `\\n` line ends. Raises `Undecodable`, with the likely encoding where there is one."""
    encoding, name = _stated(raw, is_html=is_html)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise Undecodable(f"is not valid {name} at byte {error.start}{_guess(raw)}") from error
    if "\x00" in text:
        position = text.index("\x00")
        raise Undecodable(f"holds a NUL character at position {position}{_guess(raw)}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _stated(raw: bytes, *, is_html: bool) -> tuple[str, str]:
    """The encoding for Python, and as people call it."""
    for mark, encoding, name in _MARKS:
        if raw.startswith(mark):
            return encoding, name
    if is_html:
        declared = EncodingDetector.find_declared_encoding(raw[:100_000], is_html=True) or ""
    else:
        found = _IN_TEXT.search(b"\n".join(raw[:4_000].split(b"\n")[:15]))
        declared = found[1].decode("ascii", "ignore") if found else ""
    name = declared.strip().lower()
    try:
        encoding = codecs.lookup(_AS_BROWSERS.get(name, name)).name if name else "utf-8"
    except LookupError:
        return "utf-8", "UTF-8"
    if encoding in {
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "utf-7",
        "undefined",
    }:
        return "utf-8", "UTF-8"
    if encoding.startswith(("cp125", "iso8859", "cp874")) and _is_utf_8(raw):
        return "utf-8", "UTF-8"  # a page that was saved anew and kept its old declaration
    try:
        b"a".decode(encoding)
    except (LookupError, UnicodeError):  # codecs that make no text of bytes: hex, zlib
        return "utf-8", "UTF-8"
    return encoding, "UTF-8" if encoding == "utf-8" else declared


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _guess(raw: bytes) -> str:
    """What the encoding may be, with its first odd words, for whoever saves the file anew."""
    sample = raw[:_SAMPLE]
    name = _two_bytes(sample)
    if not name:
        best = from_bytes(sample).best()
        if best is not None:
            # of the Western ones that give the same words, the one that people know
            name = "cp1252" if "cp1252" in best.could_be_from_charset else best.encoding
    for encoding in filter(None, [name, "cp1252"]):
        try:
            text = sample.decode(encoding, "strict")
        except UnicodeDecodeError as error:
            if len(sample) - error.start > 4 or len(raw) <= _SAMPLE:
                continue
            text = sample[: error.start].decode(encoding, "ignore")
        odd = next((word for word in text.split() if not word.isascii()), "") or text.split()[:1]
        words = odd if isinstance(odd, str) else "".join(odd)
        shown = "".join(one for one in words[:30] if one.isprintable())
        label = codecs.lookup(encoding).name
        return f"; it looks like {label} (“{shown}”): save it as UTF-8"
    return ""


def _two_bytes(sample: bytes) -> str:
    """UTF-16 without a mark: every second byte of Western text is zero."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    most = len(sample) // 2 * 0.3
    if max(even, odd) <= most or min(even, odd) > max(even, odd) / 4:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"
