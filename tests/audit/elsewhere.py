"""What stands outside of the machine: a witness and a time-stamping authority, as servers of their own."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from retaguarda.audit.checkpoints import VerifierKey
from retaguarda.audit.witness import Witness, WitnessServer
from retaguarda.clock import Clock
from retaguarda.settings import WitnessSettings


@contextmanager
def served(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def witness_of(vkey: str, folder: Path, clock: Clock | None = None) -> Iterator[tuple[Witness, WitnessSettings]]:
    """A witness that serves, and what the log's settings say of it."""
    witness = Witness(folder, "testemunha.example/w1", [VerifierKey.parse(vkey)], clock or Clock())
    server = WitnessServer(witness, "127.0.0.1", 0)
    with served(server):
        yield witness, WitnessSettings(url=server.url, key=witness.vkey.text())


@dataclass(frozen=True)
class Authority:
    """A time-stamping authority made with OpenSSL."""

    folder: Path
    url: str

    @property
    def roots(self) -> Path:
        return self.folder / "root.pem"

    def accepts(self, response: Path, data: Path) -> bool:
        """Whether OpenSSL verifies a stamp over a file."""
        command = ["openssl", "ts", "-verify", "-in", str(response), "-data", str(data), "-CAfile", str(self.roots)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


CONFIGURATION = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
[stamping]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = critical,CA:false
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
[req]
distinguished_name = name
[name]
"""


@contextmanager
def authority(folder: Path) -> Iterator[Authority]:
    """An authority that serves; its root is `root.pem`."""
    folder.mkdir()
    config = folder / "tsa.cnf"
    config.write_text(CONFIGURATION.format(folder=folder))
    (folder / "serial").write_text("01\n")

    def openssl(*arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    key = ("-newkey", "rsa:2048", "-nodes", "-config", config)
    openssl(
        "req",
        "-x509",
        *key,
        "-keyout",
        folder / "root.key",
        "-out",
        folder / "root.pem",
        "-subj",
        "/CN=Raiz",
        "-days",
        2,
        "-extensions",
        "root",
    )
    openssl("req", "-new", *key, "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr", "-subj", "/CN=Carimbo")
    signing = ("-CA", folder / "root.pem", "-CAkey", folder / "root.key", "-CAcreateserial", "-days", 2)
    openssl("x509", "-req", "-in", folder / "tsa.csr", *signing, "-out", folder / "tsa.pem", "-extfile", config, "-extensions", "stamping")

    class Stamps(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = folder / "query.tsq"
            query.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl("ts", "-reply", "-queryfile", query, "-config", config, "-out", folder / "reply.tsr")
            answer = (folder / "reply.tsr").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stamps)
    with served(server):
        yield Authority(folder, f"http://127.0.0.1:{server.server_address[1]}")
