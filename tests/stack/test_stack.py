"""The compose stack from outside, through its proxy. Skipped where no stack runs: see docs/operations.md."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from urllib.error import HTTPError

import pytest

from tests.extraction.made import pdf
from tests.importers.products import claude, claude_message
from tests.server import until
from tests.stack.parts import DEMO, URL, ask, chat

pytestmark = pytest.mark.skipif(not URL, reason="no stack runs: set STACK_URL and STACK_PAGE_URL")


def test_ready_and_no_metrics_from_outside() -> None:
    assert ask("GET", "/ready").status == 200
    with pytest.raises(HTTPError) as refused:
        ask("GET", "/metrics")
    assert refused.value.code == 404
    refused.value.close()


def test_the_stream_is_not_buffered(headers: dict[str, str]) -> None:
    """Tokens that the model writes over seconds arrive over seconds."""
    body = {"content": "demo:count 40", "model": DEMO}
    came: list[float] = []
    text = ""
    with ask("POST", f"/chats/{chat(headers)}/messages", body, Accept="text/event-stream", **headers) as answer:
        kind = b""
        for line in answer:
            if line.startswith(b"event: "):
                kind = line[7:].strip()
            elif line.startswith(b"data: ") and kind == b"delta":
                came.append(time.monotonic())
                text += json.loads(line[6:])["text"]
    assert len(came) > 10
    assert came[-1] - came[0] > 0.5, "it came in one piece"
    assert text.split()[-1].rstrip(".") == "40"


def test_a_reply_is_rejoined_whichever_replica_answers(headers: dict[str, str]) -> None:
    body = {"content": "demo:count 60", "model": DEMO}
    sent = json.load(ask("POST", f"/chats/{chat(headers)}/messages", body, Prefer="respond-async", **headers))
    path = f"/generations/{sent['generation']['id']}/events"
    for _ in range(6):  # by round robin these meet every replica
        with ask("GET", path, **headers) as answer:
            assert next(line for line in answer if line.startswith(b"event: ")) == b"event: started\n"
    with ask("GET", path, **headers) as answer:
        kinds = [line.split()[1] for line in answer if line.startswith(b"event: ")]
    assert kinds[-1] == b"finished"


def test_the_request_id_comes_back(headers: dict[str, str]) -> None:
    with ask("GET", "/auth/me", X_Request_ID="stack-test-0001", **headers) as answer:
        assert answer.headers["X-Request-ID"] == "stack-test-0001"


def test_a_body_over_the_limit_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(HTTPError) as refused:
        ask("POST", f"/chats/{chat(headers)}/messages", {"content": "x" * 13_000_000}, **headers)
    assert refused.value.code == 413
    refused.value.close()


def test_a_file_goes_up_is_read_and_comes_back(headers: dict[str, str]) -> None:
    """Read in a child process of its own, on a file system where nothing else may be written."""
    document, mark = pdf("The lighthouse is white", "and its keeper is Ada"), uuid.uuid4().hex
    form = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="two pages.pdf"\r\n\r\n'
    sent = form.encode() + document + f"\r\n--{mark}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    request = urllib.request.Request(f"{URL}/attachments", sent, headers | kind, method="POST")
    with urllib.request.urlopen(request, timeout=120) as answer:
        made = json.load(answer)
    assert made["kind"] == "pdf"
    assert made["chars"] >= len("The lighthouse is white")
    body = {"content": "demo:fast what is in it?", "model": DEMO, "attachments": [made["id"]]}
    answer = json.load(ask("POST", f"/chats/{chat(headers)}/messages", body, **headers))
    assert answer["message"]["status"] == "complete"
    with ask("GET", f"/attachments/{made['id']}/content", **headers) as content:
        assert content.read() == document


def test_a_file_of_chats_larger_than_other_bodies_comes_in(headers: dict[str, str]) -> None:
    """The proxy passes it on as it comes, and the API keeps it where it may write."""
    lines = [claude(claude_message("1", "human", "x" * 1_000_000), uuid=uuid.uuid4().hex) for _ in range(14)]
    sent = json.dumps(lines).encode()
    request = urllib.request.Request(f"{URL}/imports", sent, headers | {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        path = f"/imports/{json.load(answer)['id']}"
    until(lambda: json.load(ask("GET", path, **headers))["state"] != "running", 300, "the end of the import")
    told = json.load(ask("GET", path, **headers))
    assert (told["state"], told["added"]) == ("complete", 14)
