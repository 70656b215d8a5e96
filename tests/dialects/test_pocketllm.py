"""PocketLLM's plan, endpoint by endpoint in its order: the native API keeps its resources."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.answers import Answers
from tests.image_router import KEY as ROUTER_KEY
from tests.server import Person, Server, call
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("pocketllm")
KEY = "sk-proj-0123456789abcdefCANARY"
PASSWORD = "a flutter of wings 7"
CATALOGUE = {"models", "configured_providers", "missing_providers", "message"}


def test_the_transcript_of_accounts(server: Server) -> None:
    given = {"email": "poppy@example.org", "username": "poppy", "password": PASSWORD, "full_name": "Poppy Field"}
    registered = call(server.port, "POST", "/auth/register", given)
    assert (registered.status, registered.json["username"]) == (201, "poppy")
    login = call(server.port, "POST", "/auth/login", {"email": given["email"], "password": PASSWORD})
    assert login.status == 200
    assert {"access_token", "refresh_token", "token_type", "expires_in", "user"} <= set(login.json)
    poppy = Person(server.port, login.json["access_token"])
    me = poppy.call("GET", "/auth/me")
    assert me.status == 200
    profile = {"bio": "I grow.", "date_of_birth": "1999-05-01", "profession": "gardener"}
    profile |= {"avatar_url": "https://example.org/p.png", "full_name": "Poppy F."}
    changed = poppy.call("PATCH", "/users/me", profile)
    assert changed.status == 200
    assert {name: changed.json[name] for name in profile} == profile
    public = poppy.call("GET", f"/users/{me.json['id']}")
    assert public.status == 200
    assert (public.json["username"], public.json["full_name"]) == ("poppy", "Poppy F.")
    assert not {"email", "date_of_birth", "profession", "password_hash"} & set(public.json), "a public profile"
    assert "updated_at" in changed.json
    assert poppy.call("POST", "/auth/logout").status == 204
    assert poppy.call("GET", "/auth/me").status == 401, "the token of that session ends with it"


def test_the_transcript_of_configs_chats_and_images(server: Server, upstream: Upstream, drawings: Answers) -> None:
    poppy = server.person("poppy_chats")
    before = poppy.call("GET", "/v1/models")
    assert before.status == 200
    assert set(before.json) >= CATALOGUE
    assert "openai" in str(before.json["missing_providers"])
    assert before.json["message"]
    alone = poppy.call("GET", "/v1/providers/openai/models")
    assert alone.status == 200
    assert set(alone.json) >= CATALOGUE
    assert alone.json["models"] == [], "no key, no models: none of the environment stands in"

    values = {"name": "mine", "provider": "openai", "api_key": KEY, "model": "text#pocket", "temperature": 0.5}
    created = poppy.call("POST", "/model-configs", values | {"system_prompt": "Be brief."})
    assert created.status == 201
    assert KEY not in created.body.decode()
    path = f"/model-configs/{UUID(created.json['id'])}"
    assert [one["name"] for one in poppy.call("GET", "/model-configs").json["items"]] == ["mine"]
    assert poppy.call("GET", path).json["provider"] == "openai"
    assert poppy.call("PATCH", path, {"temperature": 0.75}).json["temperature"] == 0.75
    whole = poppy.call("GET", "/v1/models").json
    assert "openai" in str(whole["configured_providers"])
    assert {"demo", "openai"} <= {model["provider"] for model in whole["models"]}

    chat = poppy.call("POST", "/chats", {"model_config_id": created.json["id"]})
    assert chat.status == 201
    place = f"/chats/{UUID(chat.json['id'])}"
    sent = poppy.call("POST", f"{place}/messages", {"content": "Tell me of poppies"})
    assert sent.status == 201
    assert sent.json["message"]["content"] == "Tell me of poppies"
    served = upstream.sent("pocket")
    assert served is not None
    assert served.body["messages"][0] == {"role": "system", "content": "Be brief."}
    (listed,) = poppy.call("GET", "/chats").json["items"]
    assert "messages" not in listed, "metadata only"
    assert listed["title"] == "Tell me of poppies"
    messages = poppy.call("GET", place).json["messages"]
    assert [(one["role"], one["content"]) for one in messages] == [
        ("user", "Tell me of poppies"),
        ("assistant", "Tell me of poppies"),
    ]
    assert isinstance(messages[1]["metadata"], dict)
    assert poppy.call("DELETE", place).status == 204
    assert poppy.call("GET", place).status == 404
    assert poppy.call("DELETE", path).status == 204
    assert poppy.call("GET", path).status == 404

    missing = poppy.call("POST", "/images/generations", {"prompt": "a poppy"})
    assert missing.status == 422
    assert "ImageRouter" in missing.json["detail"]
    router = {"name": "router", "provider": "imagerouter", "api_key": ROUTER_KEY}
    assert poppy.call("POST", "/model-configs", router).status == 201
    drawn = poppy.call("POST", "/images/generations", {"prompt": "a poppy"})
    assert drawn.status == 201
    assert poppy.call("GET", drawn.json["items"][0]["url"]).body.startswith(b"\x89PNG")
    assert drawings.asked[-1][1]["prompt"] == "a poppy"
