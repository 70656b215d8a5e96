"""OpenAI's parameters on every wire: in their own words where a protocol has them, with a note where it has none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.server import Person, Server
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("openai-dialect")
WIRES = ("openai", "anthropic", "gemini", "ollama")
ASK: Any = [{"role": "user", "content": "hello you"}]
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def kai(server: Server) -> Person:
    person = server.person("kai")
    person.openai()
    for provider in ("anthropic", "gemini"):
        values = {"name": provider, "provider": provider, "api_key": "key-0123456789abcdef", "model": "text"}
        assert person.call("POST", "/model-configs", values).status == 201
    return person


@pytest.fixture(scope="module")
def client(server: Server, kai: Person) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key=kai.token, max_retries=0) as made:
        yield made


def sent(upstream: Upstream, tag: str) -> dict[str, Any]:
    served = upstream.sent(tag)
    assert served is not None
    return served.body


def notes(kai: Person, completion_id: str) -> str:
    return " ".join(kai.generation(completion_id.removeprefix("chatcmpl-"))["notes"].get("provider", []))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("wire", WIRES)
def test_parallel_tool_calls(client: openai.OpenAI, upstream: Upstream, wire: str, stream: bool) -> None:
    asked: dict[str, Any] = {"model": f"{wire}/tools:3#parallel", "messages": ASK, "tools": [TOOL]}
    if stream or wire == "openai":  # what that server answers whole has one call
        with client.chat.completions.stream(**asked) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(**asked).choices[0].message  # type: ignore[assignment]
    calls: list[Any] = list(message.tool_calls or ())
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Oslo", "Bergen", "Tromsø"]
    assert len({call.id for call in calls}) == 3
    said = {"role": "assistant", "tool_calls": [call.to_dict() for call in calls]}
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"rain {n}"} for n, call in enumerate(calls)]
    messages: Any = [*ASK, said, *results]
    again = client.chat.completions.create(model=f"{wire}/count:2#answered", messages=messages, tools=[TOOL])
    assert again.choices[0].message.content == "1 2 "
    told = json.dumps(sent(upstream, "answered"))
    assert told.index("rain 0") < told.index("rain 1") < told.index("rain 2")


FORBIDDEN = {
    "openai": lambda body: body["parallel_tool_calls"] is False,
    "anthropic": lambda body: body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True},
}


@pytest.mark.parametrize("wire", WIRES)
def test_no_parallel_tool_calls(kai: Person, upstream: Upstream, wire: str) -> None:
    body = {"model": f"{wire}/text#single", "messages": ASK, "tools": [TOOL], "parallel_tool_calls": False}
    answer = kai.call("POST", "/v1/chat/completions", body)
    assert answer.status == 200, answer.body
    if wire in FORBIDDEN:
        assert FORBIDDEN[wire](sent(upstream, "single"))
    else:
        assert "parallel_tool_calls was left out" in notes(kai, answer.json["id"])


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
EVERYTHING: dict[str, Any] = {
    "messages": [{"role": "user", "content": [{"type": "text", "text": "where?"}, IMAGE]}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}},
    "stop": ["END"],
    "seed": 7,
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
}
IN_THEIR_WORDS: dict[str, dict[str, Any]] = {
    "openai": EVERYTHING,
    "anthropic": {
        "stop_sequences": ["END"],
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    },
    "gemini": {
        "generationConfig": {
            "stopSequences": ["END"],
            "seed": 7,
            "presencePenalty": 0.5,
            "frequencyPenalty": -0.5,
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
        }
    },
    "ollama": {
        "format": SCHEMA,
        "options": {"stop": ["END"], "seed": 7, "presence_penalty": 0.5, "frequency_penalty": -0.5},
    },
}
WITHOUT = {"anthropic": ("seed", "presence_penalty", "frequency_penalty")}


@pytest.mark.parametrize("wire", WIRES)
def test_images_schemas_stops_seeds_and_penalties(kai: Person, upstream: Upstream, wire: str) -> None:
    answer = kai.call("POST", "/v1/chat/completions", EVERYTHING | {"model": f"{wire}/text#all"})
    assert answer.status == 200, answer.body
    body = sent(upstream, "all")
    for name, value in IN_THEIR_WORDS[wire].items():
        assert body[name] == value if name != "options" else value.items() <= body[name].items(), name
    assert "iVBORw0KGgo=" in json.dumps(body)
    for name in WITHOUT.get(wire, ()):
        assert f"{name} was left out" in notes(kai, answer.json["id"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("wire", WIRES)
def test_logprobs(client: openai.OpenAI, kai: Person, upstream: Upstream, wire: str, stream: bool) -> None:
    asked: dict[str, Any] = {"model": f"{wire}/count:3:0#likely", "messages": ASK, "logprobs": True, "top_logprobs": 2}
    found: list[Any] = []
    if stream or wire == "openai":
        for chunk in client.chat.completions.create(**asked, stream=True):
            completion = chunk.id
            found += [one for choice in chunk.choices if choice.logprobs for one in choice.logprobs.content or ()]
    else:
        whole = client.chat.completions.create(**asked)
        completion, logprobs = whole.id, whole.choices[0].logprobs
        found = list(logprobs.content or ()) if logprobs else []
    body = sent(upstream, "likely")
    if wire == "anthropic":
        assert found == []
        assert "logprobs was left out" in notes(kai, completion)
        return
    if wire == "gemini":
        body = body["generationConfig"]
        assert (body["responseLogprobs"], body["logprobs"]) == (True, 2)
    else:
        assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    assert [one.token for one in found] == ["1 ", "2 ", "3 "]
    assert {one.logprob for one in found} == {-0.25}
    assert [(other.token, other.logprob) for other in found[0].top_logprobs] == [("1 ", -0.25), ("or", -1.5)]


@pytest.mark.parametrize("wire", ["anthropic", "gemini", "ollama"])
def test_what_has_no_word_and_what_is_the_providers_own(kai: Person, upstream: Upstream, wire: str) -> None:
    own = {"top_k": 40, "made_up": {"a": 1}}
    aside = {"user": "u", "metadata": {"a": "b"}, "store": False}
    body = {"model": f"{wire}/text#own", "messages": ASK, "reasoning_effort": "low", "logit_bias": {"5": 1}, **own}
    answer = kai.call("POST", "/v1/chat/completions", body | aside)
    assert answer.status == 200, answer.body
    got = sent(upstream, "own")
    where = got["options"] if wire == "ollama" else got
    assert {name: where[name] for name in own} == own, "parameters that are not OpenAI's go to the provider"
    assert not {"reasoning_effort", "logit_bias", *aside} & (got.keys() | where.keys())
    noted = notes(kai, answer.json["id"])
    assert "reasoning_effort was left out" in noted
    assert "logit_bias was left out" in noted


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"functions": []}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"presence_penalty": "much"}, "presence_penalty"),
        ({"frequency_penalty": 3}, "frequency_penalty"),
    ],
)
def test_what_cannot_be_meant(client: openai.OpenAI, changes: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="anthropic/text", messages=ASK, extra_body=changes)
    assert caught.value.param == param


@pytest.mark.parametrize("stream", [False, True])
def test_sealed_thoughts_come_back_with_the_tools_answer(
    client: openai.OpenAI, upstream: Upstream, stream: bool
) -> None:
    """Anthropic takes a tool's result only behind the thoughts that led to the call."""
    asked: dict[str, Any] = {"model": "anthropic/thinking-tools#sealed", "messages": ASK, "tools": [TOOL]}
    if stream:
        with client.chat.completions.stream(**asked) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(**asked).choices[0].message  # type: ignore[assignment]
    call = (message.tool_calls or ())[0]
    said = {"role": "assistant", "tool_calls": [call.to_dict()]}
    turns: Any = [*ASK, said, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    client.chat.completions.create(model="anthropic/thinking-tools#sealed", messages=turns, tools=[TOOL])
    thought, use = sent(upstream, "sealed")["messages"][1]["content"][:2]
    assert thought == {"type": "thinking", "thinking": "hmm, yes", "signature": "c2lnbmVk"}
    assert (use["type"], use["input"]) == ("tool_use", {"city": "Oslo"})
    for model in ("anthropic/text#elsewhere", "gemini/text#elsewhere", "openai/text#elsewhere"):
        client.chat.completions.create(model=model, messages=turns, tools=[TOOL])
        told = json.dumps(sent(upstream, "elsewhere"))
        assert "c2lnbmVk" not in told, f"{model}: another model does not read them"
        assert "parley" not in told
