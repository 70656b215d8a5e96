"""Streamlit's scripts and styles reach a browser packed, with tags that hold, and anybody else as they are."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from ui import assets
from ui.assets import FOLDER, PackedAssets

SCRIPT = min((FOLDER / "js").glob("*.js"), key=lambda path: abs(path.stat().st_size - 200_000))
STYLE = next((FOLDER / "css").glob("*.css"))


@pytest.fixture
def browser() -> Iterator[TestClient]:
    app = Starlette(routes=[Mount("/static", StaticFiles(directory=FOLDER))], middleware=[Middleware(PackedAssets)])
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(("path", "kind"), [(SCRIPT, "text/javascript"), (STYLE, "text/css")])
def test_a_script_or_style_is_packed_and_kept_by_the_browser(browser: TestClient, path: Path, kind: str) -> None:
    address = f"/static/{path.parent.name}/{path.name}"
    answer = browser.get(address, headers={"Accept-Encoding": "gzip, deflate, br"})
    assert answer.content == path.read_bytes()
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < path.stat().st_size / 2
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "immutable" in answer.headers["cache-control"]
    again = {"Accept-Encoding": "gzip", "If-None-Match": answer.headers["etag"]}
    unchanged = browser.get(address, headers=again)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == answer.headers["etag"]
    assert browser.get(address, headers=again | {"If-None-Match": '"another"'}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept-Encoding": "identity"},
        {"Accept-Encoding": "br"},
        {"Accept-Encoding": "br, gzip; q=0"},
        {"Accept-Encoding": "gzip", "Range": "bytes=0-9"},
    ],
)
def test_who_does_not_take_it_packed_gets_it_as_it_is(browser: TestClient, headers: dict[str, str]) -> None:
    answer = browser.get(f"/static/js/{SCRIPT.name}", headers=headers)
    assert "content-encoding" not in answer.headers
    assert answer.content == SCRIPT.read_bytes()[: 10 if "Range" in headers else None]
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("name", ["js/none.js", "js/..%2f..%2findex.html", "js/.hidden.js", "media/x.js"])
def test_what_is_no_script_of_streamlits_is_not_kept(name: str) -> None:
    packed = PackedAssets(Starlette(routes=[Mount("/static", StaticFiles(directory=FOLDER))]))
    with TestClient(packed) as client:
        assert client.get(f"/static/{name}", headers={"Accept-Encoding": "gzip"}).status_code in {404, 405}
    assert not packed._kept


def test_a_script_that_many_ask_for_at_once_is_packed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, may_end = [], threading.Event()

    def read(path: Path) -> assets.Packed:
        asked.append(path)
        assert may_end.wait(60)
        return assets.Packed(gzip.compress(b"x"), '"x"')

    monkeypatch.setattr(assets, "_read", read)

    async def many() -> list[assets.Packed | None]:
        packed = PackedAssets(StaticFiles(directory=FOLDER))
        tasks = [asyncio.create_task(packed._packed("js/one.js")) for _ in range(20)]
        while not asked:
            await asyncio.sleep(0.01)  # the event loop is free while it is packed
        may_end.set()
        return await asyncio.gather(*tasks)

    assert len({id(one) for one in asyncio.run(many())}) == 1
    assert len(asked) == 1
