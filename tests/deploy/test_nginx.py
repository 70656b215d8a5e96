"""The proxy's part that every server of the API has, in a real nginx before a server that counts what comes."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.server import ROOT, free_port, until

CONF = """
{user}
daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {api}
    }}
}}
"""
MIB = 1 << 20


class Counting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        left = length = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, MIB)))
        body = str(length).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[int]:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    assert nginx, "install nginx (CONTRIBUTING.md)"
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    api = (ROOT / "deploy/nginx/api.conf").read_text().replace("api:8000", f"127.0.0.1:{upstream.server_port}")
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    conf = tmp_path / "nginx.conf"
    conf.write_text(CONF.format(user=user, folder=tmp_path, port=port, api=api))
    process = subprocess.Popen([nginx, "-p", str(tmp_path), "-c", str(conf)])
    try:
        until(lambda: post(port, "/", 0)[0] == 200)
        yield port
    finally:
        process.terminate()
        process.wait(30)
        upstream.shutdown()
        upstream.server_close()


def post(port: int, path: str, size: int) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", path, b"x" * size)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def test_a_file_of_chats_passes_and_no_other_body_is_as_large(proxy: int) -> None:
    assert post(proxy, "/attachments", 11 * MIB) == (200, str(11 * MIB).encode())
    assert post(proxy, "/imports", 20 * MIB) == (200, str(20 * MIB).encode())
    assert post(proxy, "/chats", 20 * MIB)[0] in (413, 0), "0: it closed before all was sent"
    assert post(proxy, "/metrics", 0)[0] == 404
