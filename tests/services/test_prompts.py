"""The prompt library, and which prompt a model is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from api.domain.errors import AlreadyTaken, Conflict, Forbidden, Invalid, NotFound
from api.domain.principal import Principal
from api.domain.prompts import BUILT_IN, Prompt
from api.services.prompts import PromptService
from tests.services.whole import Whole
from tests.upstream import Upstream


@pytest.fixture
def prompts(whole: Whole) -> PromptService:
    return whole.services.prompts


def made(prompts: PromptService, who: Principal, name: str = "Pirate", **values: Any) -> Prompt:
    return prompts.create(who, {"name": name, "content": f"Talk like a {name}."} | values)


def active_id(whole: Whole, who: Principal) -> UUID | None:
    active = whole.services.prompts.active(who)
    return active.id if active else None


def acting(whole: Whole, who: Principal) -> Principal:
    """As the next request finds the account."""
    return replace(who, active_prompt_id=active_id(whole, who))


def test_the_library_has_ones_own_the_shared_and_the_built_in(whole: Whole, prompts: PromptService) -> None:
    own = made(prompts, whole.ben, "Mine", tags=["fun"])
    shared = made(prompts, whole.ann, "Ours", shared=True)
    made(prompts, whole.ann, "Hers")
    assert [one.name for one in prompts.library(whole.ben)] == ["Mine", "Ours", *(one.name for one in BUILT_IN)]
    assert [one.id for one in prompts.library(whole.ben, tag="fun")] == [own.id]
    assert [one.id for one in prompts.library(whole.ben, "talk OURS")] == [shared.id]
    assert prompts.get(whole.ben, "ours").id == shared.id
    assert prompts.get(whole.ben, str(BUILT_IN[0].id)) == prompts.get(whole.ben, "basic") == BUILT_IN[0]


def test_a_name_is_taken_once(whole: Whole, prompts: PromptService) -> None:
    made(prompts, whole.ann, "Größe & Maß")
    for name in ("Größe & Maß", "GRÖSSE & MASS", "Basic assistant"):
        with pytest.raises(AlreadyTaken, match="choose another name"):
            made(prompts, whole.ann, name)
    made(prompts, whole.ben, "Größe & Maß")
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: _try(prompts, whole.ann), range(4)))
    assert outcomes.count(True) == 1


@pytest.mark.parametrize(
    ("names", "slugs"),
    [
        (("C", "C++", "C#"), ["c", "c-2", "c-3"]),
        (("🚀", "✨"), ["prompt", "prompt-2"]),
        (("Größe & Maß", "grösse_mass"), ["grösse-mass", "grösse-mass-2"]),
        (("Basic",), ["basic-2"]),
        (("0198f2c1-0000-7000-8000-000000000001",), ["0198f2c1-0000-7000-8000-000000000001-2"]),  # no id
    ],
)
def test_names_that_read_the_same_as_a_slug_are_all_found(
    whole: Whole, prompts: PromptService, names: tuple[str, ...], slugs: list[str]
) -> None:
    library = [made(prompts, whole.ann, name) for name in names]
    assert [one.slug for one in library] == slugs
    assert [prompts.get(whole.ann, one.slug) for one in library] == library
    with ThreadPoolExecutor(4) as pool:
        many = list(pool.map(lambda marks: made(prompts, whole.ann, f"{names[0]} {marks}"), ("!", "!!", "?", "??")))
    assert len({one.slug for one in [*library, *many]}) == len(library) + 4


def _try(prompts: PromptService, who: Principal) -> bool:
    try:
        made(prompts, who, "Once")
    except AlreadyTaken:
        return False
    return True


def test_every_save_is_a_version_and_any_comes_back(whole: Whole, prompts: PromptService) -> None:
    prompt = made(prompts, whole.ann, content="one\ntwo")
    prompts.change(whole.ann, str(prompt.id), {"content": "one\nthree"})
    prompts.change(whole.ann, str(prompt.id), {"content": "one\nthree"})  # nothing new, no version
    prompts.change(whole.ann, str(prompt.id), {"name": "Sailor"})
    found = prompts.versions(whole.ann, str(prompt.id))
    assert [(one.number, one.name, one.content) for one, _ in found] == [
        (3, "Sailor", "one\nthree"),
        (2, "Pirate", "one\nthree"),
        (1, "Pirate", "one\ntwo"),
    ]
    assert [diff.splitlines()[-2:] for _, diff in found] == [[], ["-two", "+three"], []]
    back = prompts.restore(whole.ann, str(prompt.id), "1")
    assert (back.version, back.name, back.content, back.slug) == (4, "Pirate", "one\ntwo", "pirate")
    with pytest.raises(NotFound):
        prompts.restore(whole.ann, str(prompt.id), "9")


def test_of_two_who_save_at_once_the_second_is_told(whole: Whole, prompts: PromptService) -> None:
    prompt = made(prompts, whole.ann)
    prompts.change(whole.ann, str(prompt.id), {"content": "a"}, version=1)
    with pytest.raises(Conflict) as caught:
        prompts.change(whole.ann, str(prompt.id), {"content": "b"}, version=1)
    assert caught.value.extra == {"version": 2}
    assert prompts.get(whole.ann, str(prompt.id)).content == "a"


def test_what_is_not_ones_own_stays(whole: Whole, prompts: PromptService) -> None:
    shared = made(prompts, whole.ann, shared=True)
    private = made(prompts, whole.ann, "Private")
    for reference in (str(shared.id), "basic"):
        with pytest.raises(Forbidden, match="copy"):
            prompts.change(whole.ben, reference, {"content": "x"})
        with pytest.raises(Forbidden):
            prompts.delete(whole.ben, reference)
    for touch in (prompts.get, prompts.delete, prompts.versions, prompts.activate):
        with pytest.raises(NotFound):
            touch(whole.ben, str(private.id))
    with pytest.raises(Forbidden, match="admin"):
        made(prompts, whole.ben, "For all", shared=True)
    with pytest.raises(Invalid):
        made(prompts, whole.ben, content="  ")


def test_one_is_active_under_parallel_requests_too(whole: Whole, prompts: PromptService) -> None:
    many = [made(prompts, whole.ann, f"P{number}") for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda prompt: prompts.activate(whole.ann, str(prompt.id)), many))
    active = active_id(whole, whole.ann)
    assert active in {prompt.id for prompt in many}
    other = next(prompt for prompt in many if prompt.id != active)
    prompts.deactivate(whole.ann, str(other.id))
    assert active_id(whole, whole.ann) == active, "another one's end is not its own"
    prompts.delete(whole.ann, str(active))
    assert active_id(whole, whole.ann) is None


def test_a_chat_fills_the_blanks_of_its_prompt(make_app: Any, upstream: Upstream) -> None:
    whole = Whole(make_app(openai_base_url=f"{upstream.url}/v1"))
    whole.config(whole.ann)
    prompts, chats = whole.services.prompts, whole.services.chats
    content = "Speak {{language}}, {{count: number = 3}} words, {{tone: choice(warm, dry) = dry}}."
    first = made(prompts, whole.ann, "Translator", content=content)
    values = {"language": "{{tone}}", "count": "many", "tone": "warm", "gone": "x"}
    chat = whole.chat(whole.ann, prompt_id=first.id, parameters={"max_tokens": 9, "prompt_values": values})

    def told() -> str:
        whole.said(whole.ann, chat, "hello", model="openai/text")
        return str(upstream.served[-1].body["messages"][0]["content"])

    assert told() == "Speak {{tone}}, 3 words, warm.", "what a blank does not take is left out"
    second = made(prompts, whole.ann, "Other", content="Be {{language}}.")
    assert chats.change(whole.ann, chat, {"prompt_id": second.id}).parameters == {"max_tokens": 9}
    assert told() == "Be {{language}}."
    chats.change(whole.ann, chat, {"parameters": {"prompt_values": {"language": ""}}})
    assert told() == "Be {{language}}."


def test_who_says_what_the_model_is_told(make_app: Any, upstream: Upstream) -> None:
    """The message's > the chat's > the config's > the user's active one > the instance's."""
    whole = Whole(make_app(openai_base_url=f"{upstream.url}/v1", system_prompt="Instance."))
    prompts = whole.services.prompts
    whole.config(whole.ann)
    told = whole.config(whole.ann, "told", model="count:1:0", system_prompt="Config.")
    active = made(prompts, whole.ann, "Active", content="{{greeting = Hello}}, {{who}}.")
    mine, ours = made(prompts, whole.ann, "Chat"), made(prompts, whole.ann, "Message")
    chat = whole.chat(whole.ann)

    def said(**wish: Any) -> tuple[str, dict[str, Any]]:
        sent = whole.send(acting(whole, whole.ann), chat, "hello", **({"model": "openai/text"} | wish))
        notes = whole.ended(whole.ann, sent).notes
        return upstream.served[-1].body["messages"][0]["content"], notes

    assert said() == ("Instance.", {"system_prompt_from": "instance"})
    prompts.activate(whole.ann, str(active.id))
    text, notes = said()
    assert text == "Hello, {{who}}."
    assert notes["prompt"] == {"id": str(active.id), "name": "Active", "version": 1}
    by_config = {"model": None, "model_config_id": UUID(told)}
    assert said(**by_config) == ("Config.", {"system_prompt_from": "model_config"})
    whole.services.chats.change(whole.ann, chat, {"prompt_id": mine.id})
    assert said(**by_config)[1]["system_prompt_from"] == "chat"
    text, notes = said(**by_config, prompt_id=ours.id)
    assert (text, notes["system_prompt_from"]) == ("Talk like a Message.", "message")
    prompts.delete(whole.ann, str(mine.id))
    assert said()[1]["system_prompt_from"] == "user", "a chat whose prompt is gone falls back"
    with pytest.raises(NotFound):
        said(prompt_id=mine.id)
    with pytest.raises(NotFound):
        whole.services.chats.change(whole.ann, chat, {"prompt_id": mine.id})
