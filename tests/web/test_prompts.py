"""/prompts over HTTP."""

from __future__ import annotations

from collections.abc import Callable

from tests.web.conftest import Actor


def test_a_prompts_life(actor: Callable[[str], Actor]) -> None:
    ann = actor("ann")
    made = ann.ask("POST", "/prompts", {"name": "Translator", "content": "Translate to {{language = French}}."})
    assert made.status_code == 201
    assert made.json["variables"] == [{"name": "language", "type": "text", "default": "French", "choices": []}]
    assert made.json["version"] == 1
    assert [made.json[name] for name in ("own", "built_in", "is_active")] == [True, False, False]
    path = f"/prompts/{made.json['id']}"
    rendered = ann.ask("POST", f"{path}/render", {"values": {"language": "Norsk"}})
    assert rendered.json == {"text": "Translate to Norsk.", "missing": []}
    assert ann.ask("POST", "/prompts/translator/activate").json["is_active"] is True
    assert [one["name"] for one in ann.get("/prompts").json["items"] if one["is_active"]] == ["Translator"]
    assert ann.ask("POST", "/prompts/basic/activate").json["is_active"] is True
    assert ann.get(path).json["is_active"] is False
    assert ann.ask("POST", "/prompts/basic/deactivate").status_code == 204
    assert not any(one["is_active"] for one in ann.get("/prompts").json["items"])
    saved = ann.ask("PATCH", path, {"content": "Translate.", "version": 1})
    assert (saved.status_code, saved.json["version"], saved.json["variables"]) == (200, 2, [])
    stale = ann.ask("PATCH", path, {"content": "Other.", "version": 1})
    assert (stale.status_code, stale.json["code"], stale.json["version"]) == (409, "conflict", 2)
    versions = ann.get(f"{path}/versions").json["items"]
    assert [one["number"] for one in versions] == [2, 1]
    assert "+Translate." in versions[0]["diff"]
    assert ann.ask("POST", f"{path}/versions/1/restore").json["content"].startswith("Translate to {{")
    assert ann.ask("PATCH", "/prompts/basic", {"content": "x"}).status_code == 403
    assert ann.ask("DELETE", path).status_code == 204
    assert ann.get(path).status_code == 404
