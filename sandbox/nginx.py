"""A real nginx in front of a portal: TLS with client certificates, in its own folder, without any right of root.

nginx checks the client's chain up to the sandbox's own root, and tells the portal behind it whom it let in; a certificate that it
does not accept gets a page that says so. `error_page` serves what nginx itself has to say (codes 495 and 496).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from sandbox.pki import Pki

PLACES = ("/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/homebrew/bin/nginx", "/usr/local/nginx/sbin/nginx")
START_SECONDS = 10
HEADER = "X-SSL-Client-Cert"
CONFIG = """\
daemon off;
{user}worker_processes 1;
pid "{folder}/nginx.pid";
error_log "{folder}/error.log" warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_max_body_size 16m;
  client_body_temp_path "{folder}/body"; proxy_temp_path "{folder}/proxy";
  fastcgi_temp_path "{folder}/fastcgi"; uwsgi_temp_path "{folder}/uwsgi"; scgi_temp_path "{folder}/scgi";
  server {{
    listen 127.0.0.1:{port} ssl{http2};
    server_name localhost;
    ssl_certificate "{pki.server}";
    ssl_certificate_key "{pki.server}";
    ssl_client_certificate "{pki.ca}";
    ssl_verify_client {verify};
    ssl_verify_depth 3;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off;
    error_page 495 496 = @refused;
    location @refused {{
      default_type "text/html; charset=utf-8";
      return 403 '<!doctype html><html lang="pt-BR"><head><meta charset="utf-8"><title>Certificado digital</title></head><body
        style="font:16px sans-serif;max-width:40rem;margin:4rem auto;color:#46236e"><h1>Certificado digital não aceito</h1><p
        role="alert">O certificado digital não foi aceito: $ssl_client_verify.</p></body></html>';
    }}
    location / {{
      proxy_pass http://127.0.0.1:{behind};
      proxy_http_version 1.1;
      proxy_next_upstream off;
      proxy_read_timeout 120s;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto https;
      proxy_set_header {header} $ssl_client_escaped_cert;
    }}
  }}
}}
"""


class NginxMissing(RuntimeError):
    """There is no nginx on this machine, or it does not start."""


@dataclass
class Nginx:
    """nginx as a process of ours, ended by `stop`."""

    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def program() -> str:
    """Where nginx is; NginxMissing says how to get one."""
    found = shutil.which("nginx") or next((place for place in PLACES if Path(place).exists()), "")
    if not found:
        raise NginxMissing("no nginx on this machine: run `make setup` (on Debian: apt-get install nginx-light), or leave bank_ipe out")
    return found


def start(folder: Path, port: int, behind: int, pki: Pki, *, http2: bool = False, certificate: bool = True) -> Nginx:
    """Serve `https://127.0.0.1:port` for the portal at `behind`, asking for the client's `certificate`; returns once it answers."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nginx.conf"
    user = "user root;\n" if os.geteuid() == 0 else ""  # root's workers would be nobody, who may not enter a folder of ours
    how = {"http2": " http2" if http2 else "", "verify": "on" if certificate else "off"}
    config.write_text(CONFIG.format(user=user, folder=folder, port=port, behind=behind, pki=pki, header=HEADER, **how), "utf-8")
    command = [program(), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)]
    with (folder / "output.txt").open("wb") as said:
        nginx = Nginx(subprocess.Popen(command, stdout=said, stderr=said))
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        if nginx.process.poll() is not None or time.monotonic() > deadline:
            nginx.stop()
            why = (folder / "error.log").read_text("utf-8", "replace") + (folder / "output.txt").read_text("utf-8", "replace")
            raise NginxMissing(f"nginx does not start: {why.strip()[-600:]}")
        time.sleep(0.02)
    return nginx


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
