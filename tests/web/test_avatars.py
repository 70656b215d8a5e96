"""An avatar is uploaded, drawn anew, shown to everybody with an account, and goes with it."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from PIL import Image
from urllib3 import encode_multipart_formdata
from werkzeug.test import TestResponse

from api.domain.errors import NotFound
from api.domain.ids import new_id
from api.services import avatars
from api.services.files import FileService
from api.storage import GRACE_SECONDS, FileStorage
from tests.extraction.made import PNG_1X1
from tests.web.conftest import PASSWORD, Actor, register, sign_in

RED, BLUE = (220, 20, 20), (20, 20, 220)
SECRET = b"51.5007N 0.1246W"
ELSEWHERE = "https://example.org/me.png"


@pytest.fixture
def ben(actor: Callable[[str], Actor], ann: Actor) -> Actor:
    """Not the admin."""
    return actor("ben")


def photo(form: str = "PNG", size: tuple[int, int] = (40, 30), colour: Any = RED, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, form, **options)
    return out.getvalue()


def put(who: Actor, data: bytes, name: str = "me.png", part: str = "file", **more: Any) -> TestResponse:
    body, kind = encode_multipart_formdata({part: (name, data), **more})
    return who.client.put("/users/me/avatar", data=body, content_type=kind, headers=who.headers)


def sent_noise(side: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(out, "PNG", compress_level=0)
    return out.getvalue()


def files(folder: Path) -> list[Path]:
    """All that is kept, drafts included."""
    return [path for path in (folder / "files").rglob("*") if path.is_file() and path.name != ".lock"]


def seen(who: Actor, path: str, **headers: str) -> TestResponse:
    answer = who.client.get(path, headers=who.headers | headers)
    answer.get_data()
    answer.close()
    return answer


def drawn(who: Actor, path: str) -> Image.Image:
    answer = seen(who, path)
    assert answer.status_code == 200, answer.text
    picture = Image.open(io.BytesIO(answer.data))
    assert (picture.format, answer.headers["Content-Type"]) == ("WEBP", "image/webp")
    return picture


def is_near(found: Any, colour: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 30 for one, other in zip(found, colour, strict=False))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_up_down_and_away(ann: Actor, ben: Actor, form: str) -> None:
    answer = put(ann, photo(form, (1300, 900)), f"photo.{form.lower()}")
    assert answer.status_code == 200, answer.text
    path = f"/users/{ann.id}/avatar"
    assert answer.json["avatar_url"] == path
    assert ann.get("/auth/me").json == answer.json
    assert ben.get(f"/users/{ann.id}").json["avatar_url"] == path
    picture = drawn(ben, path)
    assert picture.size == (512, 512)
    assert is_near(picture.convert("RGB").getpixel((256, 256)), RED)
    assert ann.ask("DELETE", "/users/me/avatar").status_code == 204
    assert ann.get("/auth/me").json["avatar_url"] is None
    assert seen(ben, path).status_code == 404
    again = ann.ask("DELETE", "/users/me/avatar")
    assert (again.status_code, again.json["detail"]) == (404, "There is no avatar to remove.")


def test_how_it_is_given(ann: Actor) -> None:
    path = put(ann, photo()).json["avatar_url"]
    answer = seen(ann, path)
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].startswith("inline; filename=")
    assert answer.headers["Cache-Control"] == "no-store"
    same = seen(ann, path, **{"If-None-Match": answer.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    put(ann, photo(colour=BLUE))
    other = seen(ann, path, **{"If-None-Match": answer.headers["ETag"]})
    assert other.status_code == 200
    assert other.data != answer.data
    head = ann.client.head(path, headers=ann.headers)
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(other.data)))


def test_only_its_pixels_are_kept(ann: Actor, tmp_path: Path) -> None:
    """A photo is upright, and tells nobody where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif[0x010E] = SECRET.decode()
    both = Image.new("RGB", (400, 400), RED)
    both.paste(BLUE, (0, 0, 400, 100))
    out = io.BytesIO()
    both.save(out, "JPEG", exif=exif, comment=SECRET, quality=95)
    assert out.getvalue().count(SECRET) == 2
    path = put(ann, out.getvalue(), "photo.jpg").json["avatar_url"]
    assert SECRET not in seen(ann, path).data
    (kept,) = files(tmp_path)
    assert kept.read_bytes() == seen(ann, path).data
    picture = drawn(ann, path)
    assert not picture.getexif()
    assert picture.size == (400, 400)
    assert is_near(picture.convert("RGB").getpixel((380, 200)), BLUE)
    assert is_near(picture.convert("RGB").getpixel((20, 200)), RED)


def test_what_is_transparent_stays_so(ann: Actor) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(out, "PNG")
    picture = drawn(ann, put(ann, out.getvalue()).json["avatar_url"])
    assert picture.size == (20, 20)
    assert picture.convert("RGBA").getpixel((10, 10))[3] == 0


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"", "empty", "empty"),
        (b"words", "not_taken", "Send a picture"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "not_taken", "Send a picture"),
        (b"%PDF-1.7 x", "not_taken", "Send a picture"),
        (photo(size=(60, 60))[:90], "damaged", "save it anew"),
        (b"GIF89a" + b"\xff\x01" * 2 + b"x" * 50, "damaged", "save it anew"),
    ],
    ids=["empty", "text", "svg", "pdf", "cut", "false"],
)
def test_what_is_refused(ann: Actor, tmp_path: Path, data: bytes, reason: str, words: str) -> None:
    before = put(ann, photo()).json
    kept = seen(ann, before["avatar_url"]).data
    answer = put(ann, data)
    assert (answer.status_code, answer.json["code"], answer.json["reason"]) == (422, "file_refused", reason)
    assert words in answer.json["detail"]
    assert ann.get("/auth/me").json == before
    assert seen(ann, before["avatar_url"]).data == kept
    assert len(files(tmp_path)) == 1, "nothing of what was sent is left"


def test_a_bomb_of_pixels_is_refused(ann: Actor) -> None:
    """Seventy million pixels with an alpha channel are few bytes, and more than the child may hold."""
    out = io.BytesIO()
    Image.new("LA", (8_400, 8_400)).save(out, "PNG", compress_level=1)
    answer = put(ann, out.getvalue())
    assert (answer.status_code, answer.json["reason"]) == (422, "too_heavy"), answer.text
    assert "fewer pixels" in answer.json["detail"]


@pytest.mark.parametrize(("part", "more"), [("other", ()), ("file", ("second",))])
def test_one_file_and_nothing_else(ann: Actor, part: str, more: tuple[str, ...]) -> None:
    others: dict[str, Any] = {name: ("x.png", photo()) for name in more}
    assert put(ann, photo(), part=part, **others).status_code == 400
    assert ann.get("/auth/me").json["avatar_url"] is None


def test_an_address_elsewhere_and_an_upload_take_each_others_place(ann: Actor) -> None:
    ann.ask("PATCH", "/users/me", {"avatar_url": ELSEWHERE})
    path = put(ann, photo()).json["avatar_url"]
    assert path == f"/users/{ann.id}/avatar"
    same = ann.ask("PATCH", "/users/me", {"avatar_url": path, "bio": "I sent all of it back."})
    assert (same.status_code, same.json["avatar_url"]) == (200, path)
    assert seen(ann, path).status_code == 200
    changed = ann.ask("PATCH", "/users/me", {"avatar_url": ELSEWHERE})
    assert changed.json["avatar_url"] == ELSEWHERE
    assert seen(ann, path).status_code == 404
    assert ann.ask("DELETE", "/users/me/avatar").status_code == 204
    assert ann.get("/auth/me").json["avatar_url"] is None
    put(ann, photo())
    assert ann.ask("PATCH", "/users/me", {"avatar_url": None}).json["avatar_url"] is None
    assert seen(ann, path).status_code == 404


def test_an_address_of_this_server_is_not_set_but_uploaded(ann: Actor, ben: Actor) -> None:
    put(ben, photo())
    for path in (f"/users/{ben.id}/avatar", f"/users/{ann.id}/avatar"):
        answer = ann.ask("PATCH", "/users/me", {"avatar_url": path})
        assert answer.status_code == 422
        assert answer.json["errors"][0]["pointer"] == "/avatar_url"
        assert "PUT /users/me/avatar" in answer.json["detail"]
    assert ann.get("/auth/me").json["avatar_url"] is None
    assert seen(ann, f"/users/{ben.id}/avatar").status_code == 200


@pytest.mark.parametrize("max_attachment_bytes", [20_000])
def test_its_own_bound_counts_and_not_that_of_attachments(
    make_app: Callable[..., Flask], max_attachment_bytes: int
) -> None:
    app = make_app(max_attachment_bytes=max_attachment_bytes)
    assert register(app.test_client(), "ann").status_code == 201
    ann = sign_in(app.test_client(), "ann")
    noise = sent_noise(300)
    assert len(noise) > 200_000
    assert put(ann, noise).status_code == 200
    over = put(ann, noise + b"x" * (avatars.UPLOAD_BYTES + 100_000))
    assert (over.status_code, over.json["code"]) == (413, "body_too_large")


def test_a_byte_too_many(ann: Actor, tmp_path: Path) -> None:
    before = put(ann, photo()).json
    kept = files(tmp_path)
    answer = put(ann, PNG_1X1 + b"x" * (avatars.UPLOAD_BYTES - len(PNG_1X1) + 1))
    assert (answer.status_code, answer.json["code"]) == (413, "file_too_large")
    assert "10,485,760 bytes" in answer.json["detail"]
    assert ann.get("/auth/me").json == before
    assert files(tmp_path) == kept, "nothing of what was sent is left"


def test_who_is_deleted_or_disabled_meanwhile_gets_none(app: Flask, ann: Actor, ben: Actor, tmp_path: Path) -> None:
    """While his picture was being drawn."""
    service = app.extensions["parley"].avatars
    assert ann.ask("PATCH", f"/admin/users/{ben.id}", {"is_active": False}).status_code == 200
    for user_id in (UUID(ben.id), new_id()):
        with pytest.raises(NotFound):
            service.put(user_id, [photo()])
    assert service._store.read(lambda work: work.avatars.get(UUID(ben.id))) is None


def test_uploads_at_once_leave_one(ann: Actor) -> None:
    colours = [RED, BLUE, (20, 220, 20)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda colour: put(ann, photo(colour=colour)).status_code, colours))
    assert set(answers) <= {200, 503}  # of few threads only some carry files
    found = drawn(ann, f"/users/{ann.id}/avatar").convert("RGB").getpixel((5, 5))
    assert sum(is_near(found, colour) for colour in colours) == 1


def test_nobodys_avatar(ann: Actor) -> None:
    for reference in (str(new_id()), "nonsense", ann.id):
        answer = seen(ann, f"/users/{reference}/avatar")
        assert answer.status_code == 404
        assert json.loads(answer.data)["code"] == "not_found"


def test_who_is_disabled_shows_none(ann: Actor, ben: Actor) -> None:
    path = put(ben, photo()).json["avatar_url"]
    assert seen(ann, path).status_code == 200
    assert ann.ask("PATCH", f"/admin/users/{ben.id}", {"is_active": False}).status_code == 200
    assert seen(ann, path).status_code == 404


def test_its_file_stays_and_goes_with_it(app: Flask, tmp_path: Path, ann: Actor, ben: Actor) -> None:
    store = app.extensions["parley"].avatars._store

    def kept() -> int:
        """How many files there are two hours later."""
        keeper = FileService(store, FileStorage(tmp_path / "files", lambda: time.time() + 2 * GRACE_SECONDS))
        for _ in range(16):
            keeper.sweep()
        return len(files(tmp_path))

    path = put(ben, photo()).json["avatar_url"]
    assert kept() == 1
    put(ben, photo(colour=BLUE))
    assert kept() == 1
    assert seen(ann, path).status_code == 200
    assert ben.ask("DELETE", "/users/me", {"password": PASSWORD}).status_code == 204
    assert kept() == 0
    assert seen(ann, path).status_code == 404
