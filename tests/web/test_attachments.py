"""Files over HTTP: taken as they arrive, told of, given back as they came, and nothing else's."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from api.web import uploads
from api.web.files import TransferSlots
from tests.extraction.made import JPEG_HEAD, PNG_1X1, docx, paragraph, pdf
from tests.web.conftest import Actor

TOO_MANY = 3


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(max_attachment_bytes=60_000, max_attachment_chars=10_000, max_account_attachment_bytes=130_000)


def upload(who: Actor, data: bytes, name: str = "a.txt", part: str = "file", **more: Any) -> TestResponse:
    form = {part: (io.BytesIO(data), name), **more}
    return who.client.post("/attachments", data=form, headers=who.headers)


def made(who: Actor, data: bytes, name: str = "a.txt") -> dict[str, Any]:
    answer = upload(who, data, name)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def content(who: Actor, attachment_id: str, **headers: str) -> TestResponse:
    answer = who.client.get(f"/attachments/{attachment_id}/content", headers=who.headers | headers)
    answer.get_data()
    answer.close()
    return answer


def kept(app_folder: Path) -> list[Path]:
    return [path for path in (app_folder / "files").glob("??/*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "data", "facts"),
    [
        ("Notes 介绍.md", "# Grüße".encode(), ("text", "text/plain; charset=utf-8", 7, None, None)),
        ("wide.txt", "Grüße".encode("utf-16"), ("text", "text/plain; charset=utf-16", 5, None, None)),
        ("a.pdf", pdf("Hello."), ("pdf", "application/pdf", 6, None, None)),
        ("a.png", PNG_1X1, ("image", "image/png", None, 1, 1)),
        ("photo.JPG", JPEG_HEAD, ("image", "image/jpeg", None, 3, 2)),
    ],
)
def test_up_and_down(ann: Actor, name: str, data: bytes, facts: tuple[Any, ...]) -> None:
    told = made(ann, data, name)
    assert told["name"] == name
    assert tuple(told[field] for field in ("kind", "mime", "chars", "width", "height")) == facts
    assert (told["size"], told["message_id"]) == (len(data), None)
    assert ann.get(f"/attachments/{told['id']}").json == told
    answer = content(ann, told["id"])
    assert answer.data == data
    assert answer.headers["Content-Type"] == facts[1]
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Length"] == str(len(data))
    assert content(ann, told["id"], **{"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert ann.ask("DELETE", f"/attachments/{told['id']}").status_code == 204
    assert ann.get(f"/attachments/{told['id']}").status_code == 404


def test_what_could_act_goes_back_as_text(ann: Actor) -> None:
    told = made(ann, b"<script>alert(1)</script>", "page.html")
    assert content(ann, told["id"]).headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_document_of_words(ann: Actor) -> None:
    told = made(ann, docx(paragraph("Hello") + paragraph("there")), "../../a.docx")
    assert (told["name"], told["kind"], told["chars"]) == ("a.docx", "docx", 11)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "empty"),
        ("a.pdf", b"no pdf", "wrong_extension"),
        ("a.png", PNG_1X1[:20], "damaged"),
        ("a.png", PNG_1X1[:16] + b"\x7f" + PNG_1X1[17:], "damaged"),
        ("a.txt", b"caf\xe9", "not_text"),
        ("a.txt", b"a" * 5000 + b"\0", "not_text"),
        ("a.exe", b"MZ\x90\0\3", "not_text"),
        ("a.txt", b"x" * 10_001, "too_long"),
        ("a.txt", b"x" * 50_000, "too_long"),
        ("a.pdf", pdf("x", password="secret"), "encrypted"),
        ("a.docx", b"PK\x03\x04" + b"x" * 500, "damaged"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "not_taken"),
    ],
)
def test_refusals(ann: Actor, name: str, data: bytes, reason: str) -> None:
    answer = upload(ann, data, name)
    assert (answer.status_code, answer.json["code"], answer.json["reason"]) == (422, "file_refused", reason)


def test_what_is_refused_early_leaves_no_file(ann: Actor, tmp_path: Path) -> None:
    for name, data in (("a.pdf", b"no"), ("a.txt", b"x" * 50_000)):
        assert upload(ann, data, name).status_code == 422
    over = upload(ann, b"%PDF-" + b"x" * 60_000, "a.pdf")
    assert (over.status_code, over.json["code"]) == (413, "file_too_large")
    assert "more than" in over.json["detail"]
    assert kept(tmp_path) == []


def test_the_room_of_an_account(ann: Actor, actor: Callable[[str], Actor]) -> None:
    big = [PNG_1X1 + bytes([number]) * 50_000 for number in range(TOO_MANY)]
    for data in (big[0], big[1], big[1], big[0]):  # equal files take their room once
        made(ann, data, "a.png")
    answer = upload(ann, big[2], "a.png")
    assert (answer.status_code, answer.json["reason"]) == (422, "account_full")
    made(actor("ben"), big[2], "a.png")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\n",
        b"--b--\r\n",
        b"no boundary at all",
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nno file\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\nx\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\nx\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\ncut off',
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nx\r\n--b\r\n'
        b'Content-Disposition: form-data; name="file"; filename="b.txt"\r\n\r\ny\r\n--b--\r\n',
        b"--b\r\nX: " + b"x" * 100_000,
        b'--b\r\n\xff\xfe: form-data\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--',
        b"--b\r\n\r\n\r\nx\r\n--b--\r\n",
    ],
)
def test_bodies_that_are_no_form_with_one_file(ann: Actor, body: bytes, tmp_path: Path) -> None:
    headers = ann.headers | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = ann.client.post("/attachments", data=body, headers=headers)
    assert answer.status_code in (400, 413), answer.text
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=é"]
)
def test_no_boundary(ann: Actor, kind: str) -> None:
    answer = ann.client.post("/attachments", data=b"--b--", headers=ann.headers | {"Content-Type": kind})
    assert answer.status_code == 400


def test_json_is_no_file(ann: Actor) -> None:
    assert ann.post("/attachments", {"file": "text"}).status_code == 415


def test_larger_than_any_file(ann: Actor) -> None:
    assert upload(ann, b"x" * 200_000).status_code == 413


def test_a_file_may_be_larger_than_other_bodies(make_app: Callable[..., Flask]) -> None:
    from tests.web.conftest import register, sign_in

    app = make_app(max_body_bytes=2048, max_attachment_bytes=30_000)
    register(app.test_client(), "ann")
    made(sign_in(app.test_client(), "ann"), b"x" * 20_000)


def test_another_part_of_the_form_is_refused(ann: Actor) -> None:
    refused = upload(ann, b"x", note="before or behind")
    assert (refused.status_code, refused.json["detail"]) == (400, uploads.ONE_FILE), "it says what to send instead"


def test_others_see_nothing(ann: Actor, actor: Callable[[str], Actor]) -> None:
    ben, own = actor("ben"), made(ann, b"mine")["id"]
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        assert ben.ask(method, f"/attachments/{own}{path}").status_code == 404
    assert content(ann, own).data == b"mine"


def test_threads_stay_free(app: Flask, ann: Actor) -> None:
    app.extensions["parley_transfer_slots"] = TransferSlots(0)
    answer = upload(ann, b"x")
    assert (answer.status_code, answer.json["code"]) == (503, "overloaded")
    assert "Retry-After" in answer.headers


def test_a_file_that_comes_too_slowly(ann: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SECONDS", -1.0)
    answer = upload(ann, b"x")
    assert (answer.status_code, answer.json["code"]) == (408, "request_timeout")
    assert "slowly" in answer.json["detail"]
