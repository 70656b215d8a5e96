"""/prompts over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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


def test_a_slug_of_ones_own_choice_stays(actor: Callable[[str], Actor]) -> None:
    ann, ben = actor("ann"), actor("ben")
    asked = {"name": "Translator", "slug": "grösse-2", "content": "Translate."}
    made = ann.ask("POST", "/prompts", asked)
    assert (made.status_code, made.json["slug"]) == (201, "grösse-2")
    path = "/prompts/grösse-2"
    assert ann.get(path).json["id"] == made.json["id"]
    assert ann.ask("PATCH", path, {"name": "Interpreter"}).json["slug"] == "grösse-2"
    assert ann.ask("PATCH", path, {"slug": "other"}).status_code == 422
    assert ben.ask("POST", "/prompts", asked).status_code == 201, "another account's are its own"
    for slug in ("grösse-2", "basic"):
        taken = ann.ask("POST", "/prompts", asked | {"name": "Other", "slug": slug})
        assert (taken.status_code, taken.json["code"]) == (409, "already_taken")
        assert [(one["pointer"], one["code"]) for one in taken.json["errors"]] == [("/slug", "taken")]
    named = ann.ask("POST", "/prompts", asked | {"name": "interpreter", "slug": "free"})
    assert (named.status_code, [one["pointer"] for one in named.json["errors"]]) == (409, ["/name"])
    assert ann.ask("POST", "/prompts", asked | {"slug": None}).json["slug"] == "translator"


@pytest.mark.parametrize(
    "slug",
    [
        *("", "Pirate", "a b", "a_b", "a--b", "-a", "a-", "a/b", "..", "🚀", "a\0", "x" * 81),
        *("0198f2c1-0000-7000-8000-000000000001", "0198f2c1000070008000000000000001"),
    ],
)
def test_what_is_no_slug(ann: Actor, slug: str) -> None:
    refused = ann.ask("POST", "/prompts", {"name": "Pirate", "slug": slug, "content": "Arr."})
    assert (refused.status_code, [one["pointer"] for one in refused.json["errors"]]) == (422, ["/slug"])
    assert not [one for one in ann.get("/prompts").json["items"] if one["own"]]
