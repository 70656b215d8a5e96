"""The proxy's own files in a real nginx, both sites, before servers that tell what reached them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing
from tests.server import PATIENCE, ROOT, free_port, until

MIB = 1 << 20
NAMES = {"api": "api.example.org", "page": "chat.example.org"}
PORTS = {"api": "8000", "page": "8501"}


class Behind(BaseHTTPRequestHandler):
    """Tells what it got; holds a stream's second event until the first was seen; echoes what follows an upgrade."""

    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            self.close_connection = True
            self.wfile.write(self.rfile.read(5)[::-1])
        elif self.path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"data: one\n\n")
            if self.server.seen.wait(PATIENCE):
                self.wfile.write(b"data: two\n\n")
        else:
            self._answer(self.headers.items())

    def do_POST(self) -> None:
        left = length = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, MIB)))
        self._answer([("length", str(length))])

    def _answer(self, told: Any) -> None:
        body = json.dumps({"who": self.server.name} | {name.lower(): text for name, text in told}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if self.server.name == "api" and self.headers["X-Forwarded-Proto"] == "https":
            self.send_header("Strict-Transport-Security", "max-age=31536000")  # as the API does
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Upstream(ThreadingHTTPServer):
    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Behind)
        self.name = name
        self.seen = threading.Event()


@dataclass
class Proxy:
    site: str
    ports: dict[str, int]
    upstreams: dict[str, Upstream]
    folder: Path
    client: str = "127.0.0.1"  # the address from which it is asked

    def connect(self, who: str, at: str = "") -> http.client.HTTPConnection:
        """As a client does that knows the name: with TLS it trusts this name's certificate and no other."""
        port = self.ports[at or who]
        connection = http.client.HTTPConnection(NAMES[who], port, timeout=PATIENCE)
        line = socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=(self.client, 0))
        if self.site == "tls":
            context = ssl.create_default_context(cafile=self.folder / f"{NAMES[who]}.crt")
            line = context.wrap_socket(line, server_hostname=NAMES[who])
        connection.sock = line
        return connection

    def ask(self, who: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any, Any]:
        """Status (0 where the line was cut), headers and what the server behind tells."""
        connection = self.connect(who)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, answer.headers, json.loads(content) if answer.status == 200 else None
        except OSError:
            return 0, None, None
        finally:
            connection.close()


def configured(site: str, folder: Path, ports: dict[str, int], upstreams: dict[str, Upstream]) -> Path:
    """The files as compose mounts them, with this machine's paths and ports in place of the container's."""
    deploy = ROOT / "deploy"
    for who, upstream in upstreams.items():
        text = (deploy / f"nginx/{who}.conf").read_text()
        name = {"api": "api:8000", "page": "ui:8501"}[who]
        assert name in text
        (folder / f"{who}.conf").write_text(text.replace(name, f"127.0.0.1:{upstream.server_port}"))
    text = (deploy / f"nginx/{site}.conf.template").read_text()
    for who, name in NAMES.items():
        text = text.replace(f"${{{who.upper()}_NAME}}", name)
        text = text.replace(f"listen {PORTS[who]}", f"listen 127.0.0.1:{ports[who]}")
    text = text.replace("/etc/nginx/parley", str(folder)).replace("/etc/nginx/certificates", str(folder))
    (folder / "site").write_text(text)
    main = (deploy / "nginx.conf").read_text().replace(" /tmp/", f" {folder}/").replace("/*.conf", "/site")
    main = main.replace("connections 4096", "connections 64").replace("processes auto", "processes 1")
    user = "user root;\n" if os.geteuid() == 0 else ""  # else its workers could not write into the test's folder
    (folder / "nginx.conf").write_text(user + main)
    return folder / "nginx.conf"


def certify(name: str, folder: Path) -> None:
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-days", "1", "-nodes"]
    files = ["-newkey", "rsa:2048", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt"]
    subprocess.run(["openssl", "req", "-x509", *subject, *files], check=True, capture_output=True)


ON_TLS = pytest.mark.parametrize("proxy", ["tls"], indirect=True)


@pytest.fixture(scope="module", params=["ports", "tls"])
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with running(request.param, tmp_path_factory.mktemp("nginx")) as started:
        yield started


@contextlib.contextmanager
def running(site: str, folder: Path, *, behind: str = "") -> Iterator[Proxy]:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if nginx is None:
        missing("nginx is not installed")
    with contextlib.ExitStack() as stack:
        upstreams = {who: stack.enter_context(Upstream(who)) for who in NAMES}
        for upstream in upstreams.values():
            threading.Thread(target=upstream.serve_forever, daemon=True).start()
            stack.callback(upstream.shutdown)
        found = Proxy(site, {who: free_port() for who in NAMES}, upstreams, folder)
        if found.site == "tls":
            for name in NAMES.values():
                certify(name, folder)
        conf = configured(found.site, folder, found.ports, upstreams)
        conf.write_text(conf.read_text().replace("http {", f"http {{\n{behind}"))
        log = stack.enter_context((folder / "log").open("wb"))
        command = [str(nginx), "-p", str(folder), "-c", str(conf), "-e", "stderr", "-g", "daemon off;"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            until(lambda: process.poll() is not None or answers(found), what="nginx")
            assert process.poll() is None, (folder / "log").read_text()
            yield found
        finally:
            process.terminate()
            process.wait(30)


def answers(proxy: Proxy) -> bool:
    with contextlib.suppress(OSError):
        return all(proxy.ask(who, "GET", "/")[0] == 200 for who in NAMES)
    return False


def test_each_name_leads_to_its_server_with_what_it_must_know(proxy: Proxy) -> None:
    for who, name in NAMES.items():
        status, headers, told = proxy.ask(
            who, "GET", "/", X_Request_ID="from-outside-1", X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="gopher"
        )
        assert (status, told["who"]) == (200, who)
        assert told["host"] == f"{name}:{proxy.ports[who]}", "addresses that the API tells lead back here"
        assert told["x-request-id"] == "from-outside-1"
        assert told["x-forwarded-for"] == "127.0.0.1", "what a client claims of itself is not passed on"
        assert told["x-forwarded-proto"] == ("https" if proxy.site == "tls" else "http")
        assert len(headers.get_all("Strict-Transport-Security", [])) == (proxy.site == "tls")


def test_a_request_without_a_good_id_gets_one_that_the_log_has_too(proxy: Proxy) -> None:
    for sent in ({}, {"X_Request_ID": 'a"b c'}):
        made = proxy.ask("api", "GET", "/?secret=word", **sent)[2]["x-request-id"]
        assert len(made) == 32
        lines = until(lambda made=made: [one for one in log_of(proxy) if one["request_id"] == made], what="its line")
        assert lines[0]["path"] == "/", "query strings are not written"


def log_of(proxy: Proxy) -> list[dict[str, Any]]:
    lines = (proxy.folder / "log").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]


def test_an_event_is_passed_on_before_the_next_is_there(proxy: Proxy) -> None:
    connection = proxy.connect("api")
    connection.request("GET", "/events")
    answer = connection.getresponse()
    assert answer.readline() + answer.readline() == b"data: one\n\n"
    proxy.upstreams["api"].seen.set()  # only now the second is written
    assert answer.read() == b"data: two\n\n"
    connection.close()


def test_a_websocket_is_opened_through_it(proxy: Proxy) -> None:
    connection = proxy.connect("page")
    connection.sock.sendall(
        b"GET /_stcore/stream HTTP/1.1\r\nHost: chat.example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    with connection.sock.makefile("rb") as lines:
        assert b" 101 " in lines.readline()
        while lines.readline() != b"\r\n":
            pass
        connection.sock.sendall(b"hello")
        assert lines.read(5) == b"olleh"
    connection.close()


def test_a_file_of_chats_passes_and_no_other_body_is_as_large(proxy: Proxy) -> None:
    for path, size in (("/attachments", 11 * MIB), ("/imports", 20 * MIB)):
        status, _, told = proxy.ask("api", "POST", path, b"x" * size)
        assert (status, told["length"]) == (200, str(size))
    status, _, told = proxy.ask("page", "POST", "/_stcore/upload_file/a", b"x" * 100 * MIB)
    assert (status, told["length"]) == (200, str(100 * MIB)), "the page says that it takes 200"
    assert proxy.ask("api", "POST", "/chats", b"x" * 20 * MIB)[0] in (413, 0), "0: it closed before all was sent"
    assert proxy.ask("api", "GET", "/metrics")[0] == 404


@ON_TLS
def test_tls_is_not_spoken_without(proxy: Proxy) -> None:
    """A plain request to the TLS site is told so, and a certificate is its own name's."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.ports["api"], timeout=PATIENCE)
    connection.request("GET", "/")
    assert connection.getresponse().status == 400
    connection.close()
    with pytest.raises(ssl.SSLError):
        proxy.connect("page", at="api")


@ON_TLS
def test_one_port_is_enough_for_two_names(proxy: Proxy) -> None:
    for who in NAMES:
        connection = proxy.connect(who, at="page")
        connection.request("GET", "/")
        assert json.loads(connection.getresponse().read())["who"] == who
        connection.close()


def test_behind_another_proxy_its_word_counts_and_no_other(tmp_path: Path) -> None:
    """As docs/troubleshooting.md says to set it."""
    behind = "set_real_ip_from 127.0.0.2;\nreal_ip_header X-Forwarded-For;\n"
    with running("ports", tmp_path, behind=behind) as proxy:

        def told(client: str, **headers: str) -> tuple[str, str]:
            proxy.client = client
            heard = proxy.ask("api", "GET", "/", **headers)[2]
            return heard["x-forwarded-for"], heard["x-forwarded-proto"]

        person = {"X_Forwarded_For": "203.0.113.9"}
        assert told("127.0.0.2", X_Forwarded_Proto="https", **person) == ("203.0.113.9", "https")
        assert told("127.0.0.2", X_Forwarded_Proto="http", **person) == ("203.0.113.9", "http")
        assert told("127.0.0.2", X_Forwarded_Proto="gopher", **person) == ("203.0.113.9", "http")
        assert told("127.0.0.2", **person) == ("203.0.113.9", "http")
        assert told("127.0.0.2") == ("127.0.0.2", "http"), "its own request"
        assert told("127.0.0.3", X_Forwarded_Proto="https", **person) == ("127.0.0.3", "http"), "anybody else"
