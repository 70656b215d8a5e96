"""Model configs: keys sealed and masked, one default a provider, and which model takes a message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from api.domain import model_facts
from api.domain.errors import (
    AlreadyTaken,
    AppError,
    Forbidden,
    Invalid,
    ModelNotFound,
    NotFound,
    ProviderNotConfigured,
)
from api.domain.generations import Generation
from api.domain.ids import new_id
from api.domain.principal import Principal
from tests.services.test_chats import outcomes
from tests.services.whole import KEY, Whole, with_default
from tests.upstream import Upstream


def raw(whole: Whole, statement: str, **values: Any) -> Any:
    """Straight at the database."""
    with whole.services.chats._store.database.writer.begin() as connection:
        result = connection.execute(sa.text(statement), values)
        return result.scalar() if result.returns_rows else None


def sealed(whole: Whole, name: str) -> str:
    return str(raw(whole, "SELECT api_key_encrypted FROM model_configs WHERE name = :name", name=name))


def signed_in(whole: Whole, name: str) -> Callable[..., TestResponse]:
    """`client("PATCH", "/model-configs/…", {…})` as that account."""
    client = whole.app.test_client()
    login = {"username": name, "password": "correct horse battery"}
    token = client.post("/auth/login", json=login).get_json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    return lambda method, path, body=None: client.open(path, method=method, json=body, headers=bearer)


def test_a_config_from_its_making_to_its_end(whole: Whole) -> None:
    configs = whole.services.model_configs
    reference = whole.config(whole.ann, temperature=0.3, system_prompt="Be brief.")
    made = configs.get(whole.ann, reference)
    assert (made.name, made.provider, made.model, made.temperature) == ("mine", "openai", "text", 0.3)
    assert configs.list(whole.ann) == [made]
    changed = configs.change(whole.ann, reference, {"name": "ours", "temperature": None})
    assert (changed.name, changed.temperature, changed.system_prompt) == ("ours", None, "Be brief.")
    assert changed.api_key == made.api_key, "without a key in the change, it stays"
    configs.delete(whole.ann, reference)
    assert configs.list(whole.ann) == []
    for act in (configs.get, configs.delete):
        with pytest.raises(NotFound):
            act(whole.ann, reference)


def test_nobody_elses(whole: Whole) -> None:
    configs = whole.services.model_configs
    reference = whole.config(whole.ann)
    for act in (configs.get, configs.delete, lambda who, which: configs.change(who, which, {"name": "stolen"})):
        with pytest.raises(NotFound):
            act(whole.ben, reference)
    assert configs.list(whole.ben) == []
    assert configs.get(whole.ann, reference).name == "mine"


def test_the_key_is_sealed_at_rest_masked_when_shown_and_in_no_repr(whole: Whole) -> None:
    reference = whole.config(whole.ann)
    token = sealed(whole, "mine")
    assert token.startswith("v1.")
    assert KEY not in token
    shown = whole.services.model_configs.get(whole.ann, reference)
    assert shown.api_key == "sk-proj-…NARY"
    assert KEY not in repr(shown)


def flipped(token: str) -> str:
    """One bit of the ciphertext changed, in canonical spelling."""
    head, kid, body = token.split(".")
    at = len(body) // 2
    other = "B" if body[at] == "A" else "A"
    return f"{head}.{kid}.{body[:at]}{other}{body[at + 1 :]}"


DAMAGE = {
    "moved from another row": lambda theirs, _: theirs,
    "a bit flipped": lambda _, mine: flipped(mine),
    "the id of no key": lambda _, mine: mine.replace(mine.split(".")[1], "00000000"),
    "cut": lambda _, mine: mine[:20],
    "empty": lambda _, mine: "",
    "no token": lambda _, mine: "ké.\u2028",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_sealed_key_that_does_not_open_is_entered_again_and_breaks_nothing_else(
    whole: Whole, upstream: Upstream, damage: str
) -> None:
    """Never another's key, never a 500, over HTTP on every route that meets it."""
    whole.config(whole.ann, "ann's", api_key="sk-proj-of-ann-and-nobody-else-0001")
    mine = whole.config(whole.ben, "ben's", model="text")
    whole.config(whole.ben, "spare", model="count:1:0", api_key="sk-proj-the-spare-one-of-ben-0002")
    token = DAMAGE[damage](sealed(whole, "ann's"), sealed(whole, "ben's"))
    raw(whole, "UPDATE model_configs SET api_key_encrypted = :token WHERE name = 'ben''s'", token=token)
    client = signed_in(whole, "ben")
    assert client("GET", "/model-configs").status_code == 200
    shown = client("GET", f"/model-configs/{mine}").get_json()
    assert (shown["api_key"], shown["key_unreadable"]) == (None, True)

    served = len(upstream.served)
    chat = whole.chat(whole.ben)
    generation = whole.said(whole.ben, chat, "hello", model="ben's")
    assert (generation.status, generation.error_code) == ("error", "key_unreadable")
    asked = {"model": "ben's", "messages": [{"role": "user", "content": "hello"}]}
    refused = client("POST", "/v1/chat/completions", asked)
    assert (refused.status_code, "enter the key again" in refused.text) == (400, True), refused.text
    assert len(upstream.served) == served, "nothing was sent"
    assert whole.said(whole.ben, chat, "hello", model="spare").status == "complete"
    assert upstream.served[-1].headers["authorization"] == "Bearer sk-proj-the-spare-one-of-ben-0002"
    assert client("GET", "/v1/models").status_code == 200

    assert client("PATCH", f"/model-configs/{mine}", {"name": "still ben's"}).status_code == 200
    moved = client("PATCH", f"/model-configs/{mine}", {"base_url": "https://example.org/v1"})
    assert (moved.status_code, moved.get_json()["errors"][0]["code"]) == (422, "key_required")
    again = client("PATCH", f"/model-configs/{mine}", {"api_key": KEY}).get_json()
    assert (again["api_key"], again["key_unreadable"]) == ("sk-proj-…NARY", False)
    raw(whole, "UPDATE model_configs SET api_key_encrypted = :token WHERE name = 'still ben''s'", token=token)
    assert client("DELETE", f"/model-configs/{mine}").status_code == 204


def test_the_key_reaches_the_provider_and_nobody_else(whole: Whole, upstream: Upstream) -> None:
    whole.config(whole.ann)
    whole.said(whole.ann, whole.chat(whole.ann), "hello")
    assert upstream.served[-1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "url", ["https://evil.example/v1", "http://api.openai.com/v1", "https://api.openai.com:444/v1"]
)
def test_another_origin_needs_the_key_again(whole: Whole, url: str) -> None:
    configs = whole.services.model_configs
    reference = whole.config(whole.ann, base_url="https://api.openai.com/v1")
    with pytest.raises(Invalid, match="enter it again") as refused:
        configs.change(whole.ann, reference, {"base_url": url})
    assert refused.value.extra["errors"][0]["pointer"] == "/api_key"
    assert configs.get(whole.ann, reference).base_url == "https://api.openai.com/v1"
    assert configs.change(whole.ann, reference, {"base_url": "https://api.openai.com/v2"}).api_key == "sk-proj-…NARY"
    moved = configs.change(whole.ann, reference, {"base_url": url, "api_key": "sk-another-key-0123456789"})
    assert (moved.base_url, moved.api_key) == (url, "sk-…6789")
    with pytest.raises(Invalid):
        configs.change(whole.ann, reference, {"base_url": None})


def test_a_key_goes_only_to_the_server_it_was_saved_for(
    make_app: Callable[..., Flask], upstream: Upstream, tmp_path: Path
) -> None:
    """Also where no config names a server, and the operator moves the provider to another one."""
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    with Upstream() as other:
        before = Whole(make_app(database_url=url, openai_base_url=f"{upstream.url}/v1"))
        mine, named = before.config(before.ann), before.config(before.ann, "named", base_url=f"{upstream.url}/v1")
        assert before.said(before.ann, before.chat(before.ann), "hello", model="mine").status == "complete"
        app = make_app(database_url=url, openai_base_url=f"{other.url}/v1")
        app.extensions["parley"].generations.start()
        whole = Whole.__new__(Whole)
        whole.app, whole.services, whole.ann = app, app.extensions["parley"], before.ann
        configs, chat = whole.services.model_configs, whole.chat(whole.ann)
        shown = {config.name: (config.api_key, config.key_unreadable) for config in configs.list(whole.ann)}
        assert shown == {"mine": (None, True), "named": ("sk-proj-…NARY", False)}
        generation = whole.said(whole.ann, chat, "hello", model="mine")
        assert (generation.status, generation.error_code) == ("error", "key_unreadable")
        assert signed_in(whole, "ann")("GET", "/v1/models").status_code == 200
        assert other.requests == 0, "nothing was sent to it"
        assert configs.change(whole.ann, mine, {"name": "still mine"}).key_unreadable
        back = configs.change(whole.ann, mine, {"base_url": f"{upstream.url}/v1"})
        assert back.api_key == "sk-proj-…NARY", "where it was saved for"
        with pytest.raises(Invalid, match="enter it again"):
            configs.change(whole.ann, named, {"base_url": None})
        again = configs.change(whole.ann, named, {"base_url": None, "api_key": KEY})
        assert not again.key_unreadable
        assert whole.said(whole.ann, chat, "hello", model="named").status == "complete"
        assert other.served[-1].headers["authorization"] == f"Bearer {KEY}"


def test_keys_of_before_belong_to_where_their_calls_go_at_the_next_start(whole: Whole, upstream: Upstream) -> None:
    mine = whole.config(whole.ann)
    elsewhere = whole.config(whole.ann, "elsewhere", base_url="https://x.example/v1")
    raw(whole, "UPDATE model_configs SET key_origin = NULL")
    whole.services.model_configs.remember_origins()
    found = {one: whole.services.model_configs.get(whole.ann, one).key_origin for one in (mine, elsewhere)}
    assert found == {mine: upstream.url, elsewhere: "https://x.example:443"}


def test_longer_answers_than_usual_where_the_model_writes_them(whole: Whole) -> None:
    configs = whole.services.model_configs
    most = model_facts.known("openai", "gpt-5").max_output
    assert most is not None
    assert most > 32_000
    assert configs.get(whole.ann, whole.config(whole.ann, "long", model="gpt-5", max_tokens=most)).max_tokens == most
    short = whole.config(whole.ann, "short", max_tokens=32_000)
    refused: list[Callable[[], object]] = [
        lambda: whole.config(whole.ann, "too long", model="gpt-5", max_tokens=most + 1),
        lambda: whole.config(whole.ann, "unknown", model="nobody-knows", max_tokens=32_001),
        lambda: configs.change(whole.ann, short, {"max_tokens": 32_001}),
        lambda: configs.change(whole.ann, short, {"max_tokens": most + 1, "model": "gpt-5"}),
    ]
    for act in refused:
        with pytest.raises(Invalid, match="max_tokens is at most") as error:
            act()
        assert error.value.extra["errors"][0]["pointer"] == "/max_tokens"
    assert configs.change(whole.ann, short, {"max_tokens": most, "model": "gpt-5"}).max_tokens == most
    with pytest.raises(Invalid):
        configs.change(whole.ann, short, {"model": "nobody-knows"})


@pytest.mark.parametrize(
    "values",
    [
        {"provider": "demo", "base_url": "https://x.example"},
        {"provider": "nobody"},
        {"provider": "openai", "api_key": None},
        {"provider": "custom", "api_key": None},
        {"api_key": "a key"},
        {"api_key": "ké"},
        {"base_url": "ftp://x"},
        {"base_url": "https://user:pw@x/v1"},
        {"base_url": "nonsense"},
    ],
)
def test_what_a_provider_cannot_use(whole: Whole, values: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        whole.config(whole.ann, **values)
    assert whole.services.model_configs.list(whole.ann) == []


def test_names_are_ones_own(whole: Whole) -> None:
    configs = whole.services.model_configs
    whole.config(whole.ann)
    whole.config(whole.ben)
    with pytest.raises(AlreadyTaken) as refusal:
        whole.config(whole.ann)
    assert refusal.value.extra["errors"][0]["pointer"] == "/name"
    other = whole.config(whole.ann, "other")
    with pytest.raises(AlreadyTaken):
        configs.change(whole.ann, other, {"name": "mine"})
    many = [whole.config(whole.ann, f"n{number}") for number in range(6)]
    claims = [lambda one=one: configs.change(whole.ann, one, {"name": "wanted"}) for one in many]
    assert outcomes(claims) == ["already_taken"] * 5 + ["done"]


def test_shared_by_admins_alone_and_without_its_key(whole: Whole, upstream: Upstream) -> None:
    configs = whole.services.model_configs
    own = whole.config(whole.ben, "ben's")
    with pytest.raises(Forbidden):
        whole.config(whole.ben, "for all", shared=True)
    with pytest.raises(Forbidden):
        configs.change(whole.ben, own, {"shared": True})
    reference = whole.config(whole.ann, "team", shared=True, model="count:3:0")
    names = {config.name: config for config in configs.list(whole.ben)}
    assert list(names) == ["ben's", "team"], "own ones first"
    assert names["team"].api_key is None
    with pytest.raises(NotFound):
        configs.change(whole.ben, reference, {"model": "text"})
    generation = whole.said(whole.ben, whole.chat(whole.ben), "hello", model="team")
    assert (generation.status, generation.model) == ("complete", "count:3:0")
    assert upstream.served[-1].headers["authorization"] == f"Bearer {KEY}"
    configs.change(whole.ann, reference, {"shared": False})
    assert [config.name for config in configs.list(whole.ben)] == ["ben's"]


def defaults(whole: Whole, who: Principal) -> list[str]:
    return [config.name for config in whole.services.model_configs.list(who) if config.is_default]


def test_one_default_a_provider(whole: Whole) -> None:
    first = whole.config(whole.ann, "first", is_default=True)
    whole.config(whole.ann, "second", is_default=True)
    whole.config(whole.ann, "local", provider="custom", base_url="https://x.example/v1", is_default=True)
    assert defaults(whole, whole.ann) == ["second", "local"]
    whole.services.model_configs.change(whole.ann, first, {"is_default": True})
    assert defaults(whole, whole.ann) == ["first", "local"]


def test_one_default_a_provider_under_parallel_requests(whole: Whole) -> None:
    configs = whole.services.model_configs
    make = [lambda name=name: whole.config(whole.ann, f"n{name}", is_default=True) for name in range(8)]
    assert outcomes(make) == ["done"] * 8
    assert len(defaults(whole, whole.ann)) == 1
    made = [str(config.id) for config in configs.list(whole.ann)]
    change = [lambda one=one: configs.change(whole.ann, one, {"is_default": True}) for one in made]
    assert outcomes(change) == ["done"] * 8
    assert len(defaults(whole, whole.ann)) == 1


def chosen(generation: Generation) -> str:
    return f"{generation.provider}/{generation.model}"


def test_which_model_takes_a_message(whole: Whole) -> None:
    """Each rank is taken away in turn, and the next one decides."""
    say = whole.said
    ann = whole.ann
    assert chosen(say(ann, whole.chat(ann), "demo:fast a")) == "demo/demo", "nothing is set up"
    only = whole.config(ann, "only", model="count:1:0")
    assert chosen(say(ann, whole.chat(ann), "a")) == "openai/count:1:0", "the only configured one"
    spare = whole.config(ann, "spare", model="count:2:0")
    with pytest.raises(ProviderNotConfigured):
        say(ann, whole.chat(ann), "a")  # no longer the only one
    whole.services.model_configs._choice._default_model = lambda: "spare"
    assert chosen(say(ann, whole.chat(ann), "a")) == "openai/count:2:0", "the instance's default"
    ann = with_default(ann, "openai/count:3:0")
    assert chosen(say(ann, whole.chat(ann), "a")) == "openai/count:3:0", "the user's default"
    config_id = whole.services.model_configs.get(ann, only).id
    assert chosen(say(ann, whole.chat(ann, model_config_id=config_id), "a")) == "openai/count:1:0", "the chat's config"
    chat = whole.chat(ann, model="count:4:0", model_config_id=config_id)
    assert chosen(say(ann, chat, "a")) == "openai/count:4:0", "the chat's model"
    assert chosen(say(ann, whole.chat(ann, model="spare"), "a")) == "openai/count:2:0", "a config's name"
    assert chosen(say(ann, chat, "a", model="demo/demo")) == "demo/demo", "the message's model"
    spare_id = whole.services.model_configs.get(ann, spare).id
    assert chosen(say(ann, chat, "a", model_config_id=spare_id)) == "openai/count:2:0", "the message's config"
    assert chosen(say(ann, chat, "a", model_config_id=spare_id, model="count:5:0")) == "openai/count:5:0", "and both"


def test_models_that_are_not_there(whole: Whole) -> None:
    chat = whole.chat(whole.ann)
    faults: dict[str, tuple[dict[str, Any], type[AppError]]] = {
        "unknown": ({"model": "no-such-model"}, ModelNotFound),
        "no key": ({"model": "openai/gpt-4o"}, ProviderNotConfigured),
        "no address": ({"model": "custom/x"}, ProviderNotConfigured),
        "no config": ({"model_config_id": new_id()}, NotFound),
    }
    for wish, kind in faults.values():
        with pytest.raises(kind):
            whole.send(whole.ann, chat, "hello", **wish)
    assert whole.services.chats.open(whole.ann, chat)[1] == [], "nothing of it is stored"


def test_parameters_come_from_the_message_then_the_chat_then_the_config(whole: Whole, upstream: Upstream) -> None:
    whole.config(whole.ann, temperature=0.1, top_p=0.2, max_tokens=100, system_prompt="Be brief.")
    chat = whole.chat(whole.ann, parameters={"temperature": 0.0, "top_p": 0.5})
    whole.said(whole.ann, chat, "hello", temperature=1.5)
    body = upstream.served[-1].body
    assert (body["temperature"], body["top_p"], body["max_completion_tokens"]) == (1.5, 0.5, 100)
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    whole.said(whole.ann, chat, "again")
    assert upstream.served[-1].body["temperature"] == 0.0, "zero is a value"


def test_a_text_that_no_database_takes(whole: Whole) -> None:
    """HTTP refuses it before."""
    body = {"name": "n", "provider": "demo", "system_prompt": "a\0b"}
    answer = signed_in(whole, "ann")("POST", "/model-configs", body)
    assert answer.status_code == 422, answer.text


def test_a_chat_whose_config_has_gone_says_so_and_asks_nobody_else(whole: Whole) -> None:
    reference = whole.config(whole.ann)
    config_id = whole.services.model_configs.get(whole.ann, reference).id
    chat = whole.chat(whole.ann, model_config_id=config_id)
    whole.services.model_configs.delete(whole.ann, reference)
    with pytest.raises(ProviderNotConfigured, match="choose another"):
        whole.send(whole.ann, chat, "hello")
    assert chosen(whole.said(whole.ann, chat, "demo:fast a", model="demo/demo")) == "demo/demo"
    whole.services.chats.change(whole.ann, chat, {"model_config_id": None})
    assert chosen(whole.said(whole.ann, chat, "demo:fast a")) == "demo/demo"
