"""A mail server on this machine that speaks SMTP and misbehaves where it is told to.

    with SmtpServer({"RCPT": "452 4.2.2 mailbox full"}) as server: ...

Faults are named by the step: connect, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, dot (the answer to the
final dot), after (the mail is kept, then the fault). A fault is the reply to give, `drop` (close the
connection) or `silence` (say nothing until the client goes).
"""

from __future__ import annotations

import base64
import datetime
import socketserver
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

STEPS = ("connect", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "dot", "after")


@dataclass(frozen=True)
class Taken:
    """A mail as it came over the wire, dots unstuffed."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes


class SmtpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self, faults: Mapping[str, str] | None = None, *, certificate: Path | None = None
    ) -> None:
        assert set(faults or {}) <= set(STEPS)
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.faults = dict(faults or {})
        self.certificate = certificate
        self.taken: list[Taken] = []
        self.connections = 0
        self.commands: list[str] = []
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def __enter__(self) -> SmtpServer:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Over(Exception):
    """The conversation ends here."""


class _Conversation(socketserver.StreamRequestHandler):
    server: SmtpServer

    def handle(self) -> None:
        self.server.connections += 1
        self.sender, self.recipients = "", []
        try:
            self._step("connect", "220 mail.test ready")
            while line := self.rfile.readline():
                self._command(line.decode("ascii", "replace").rstrip("\r\n"))
        except (_Over, OSError):
            pass

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        self.wfile.flush()

    def _step(self, name: str, *good: str) -> bool:
        """Say what is good, or do what the fault says. Whether the client goes on."""
        fault = self.server.faults.get(name)
        if fault == "drop":
            raise _Over
        if fault == "silence":
            self.server.closing.wait(20)
            raise _Over
        self._say(*([fault] if fault else good))
        return fault is None

    def _command(self, line: str) -> None:
        verb = line.split(" ")[0].upper()
        self.server.commands.append(verb)
        if verb == "EHLO":
            offers = ["SIZE 1000000"]
            offers += ["STARTTLS"] if self.server.certificate else []
            offers += ["AUTH PLAIN"]
            named = ["mail.test", *offers]
            self._step("EHLO", *(f"250-{one}" for one in named[:-1]), f"250 {named[-1]}")
        elif verb == "HELO":
            self._step("EHLO", "250 mail.test")
        elif verb == "STARTTLS":
            if self._step("STARTTLS", "220 go on"):
                self._encrypt()
        elif verb == "AUTH":
            base64.b64decode(line.split(" ")[-1])
            self._step("AUTH", "235 2.7.0 welcome")
        elif verb == "MAIL":
            self.sender, self.recipients = line.split("<")[1].split(">")[0], []
            self._step("MAIL", "250 2.1.0 ok")
        elif verb == "RCPT":
            self.recipients.append(line.partition("<")[2].rpartition(">")[0])
            self._step("RCPT", "250 2.1.5 ok")
        elif verb == "DATA":
            if self._step("DATA", "354 go on"):
                self._content()
        elif verb == "QUIT":
            self._say("221 bye")
            raise _Over
        else:
            self._say("250 ok" if verb in {"RSET", "NOOP"} else "500 unknown")

    def _encrypt(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.server.certificate))
        self.request = context.wrap_socket(self.request, server_side=True)
        self.rfile = self.request.makefile("rb")
        self.wfile = self.request.makefile("wb")

    def _content(self) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise _Over  # the client left before the message was whole: it does not count
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if "dot" not in self.server.faults:
            mail = Taken(self.sender, tuple(self.recipients), b"".join(lines))
            self.server.taken.append(mail)
        self._step("dot" if "dot" in self.server.faults else "after", "250 2.0.0 taken")


def make_certificate(folder: Path, host: str = "localhost") -> Path:
    """A key and its self-signed certificate in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path
