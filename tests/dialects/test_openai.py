"""/v1 as OpenAI's own SDK and raw clients use it, over a real server and a real provider."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests import canary
from tests.server import Answer, Person, Server, call, until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("openai-dialect")
HELLO = [{"role": "user", "content": "hello you"}]


@pytest.fixture(scope="module")
def ann(server: Server) -> Person:
    person = server.person("ann")
    person.openai()
    for provider in ("anthropic", "gemini"):
        values = {"name": provider, "provider": provider, "api_key": "key-0123456789abcdef", "model": "text"}
        assert person.call("POST", "/model-configs", values).status == 201
    return person


@pytest.fixture(scope="module")
def client(server: Server, ann: Person) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key=ann.token, max_retries=0) as made:
        yield made


def ledger(ann: Person, generation: str) -> dict[str, Any]:
    return ann.generation(generation.removeprefix("chatcmpl-"))


def raw(ann: Person, **body: Any) -> Answer:
    return ann.call("POST", "/v1/chat/completions", {"messages": HELLO} | body)


# What the SDK gets


@pytest.mark.parametrize("model", ["openai/text", "anthropic/text", "gemini/text", "ollama/text"])
def test_a_completion(client: openai.OpenAI, model: str) -> None:
    completion = client.chat.completions.create(model=model, messages=HELLO)  # type: ignore[arg-type]
    assert completion.choices[0].message.content == "hello you"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens


@pytest.mark.parametrize("model", ["openai/count:50", "anthropic/count:50", "gemini/count:50", "ollama/count:50"])
@pytest.mark.parametrize("include_usage", [False, True])
def test_a_stream(client: openai.OpenAI, model: str, include_usage: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if include_usage else {}
    chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True, **options))  # type: ignore[arg-type]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "".join(f"{number} " for number in range(1, 51))
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    counted = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(counted) == (1 if include_usage else 0)
    assert all(chunk.choices for chunk in chunks[:-1])
    assert bool(chunks[-1].choices) is not include_usage


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["openai/tools", "anthropic/tools", "gemini/tools", "ollama/tools"])
def test_a_tool_call(client: openai.OpenAI, upstream: Upstream, model: str, stream: bool) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": schema}}
    with client.chat.completions.stream(model=model, messages=HELLO, tools=[tool]) as events:  # type: ignore[arg-type, list-item]
        completion = events.get_final_completion()
    if not stream:
        completion = client.chat.completions.create(model=model, messages=HELLO, tools=[tool])  # type: ignore[arg-type, assignment, list-item]
    choice = completion.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    function = choice.message.tool_calls[0].function  # type: ignore[union-attr]
    assert (function.name, json.loads(function.arguments)) == ("weather", {"city": "Oslo"})
    said = {"role": "assistant", "tool_calls": [choice.message.tool_calls[0].to_dict()]}
    result = {"role": "tool", "tool_call_id": choice.message.tool_calls[0].id, "content": "rain"}
    again = client.chat.completions.create(  # type: ignore[call-overload]
        model=model.replace("tools", "count:3#back"), messages=[*HELLO, said, result], tools=[tool]
    )
    assert again.choices[0].message.content
    served = upstream.sent("back")
    assert served is not None
    signed = {"google": {"thought_signature": "c2lnbmVk"}} if model == "gemini/tools" else None
    assert said["tool_calls"][0].get("extra_content") == signed
    assert ("c2lnbmVk" in str(served.body)) == bool(signed), "what was signed goes back to whoever signed it"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "raised", "status", "code"),
    [
        ("nothing/here", openai.NotFoundError, 404, "model_not_found"),
        ("openai/status:400", openai.BadRequestError, 400, "provider_refused"),
        ("openai/status:413", openai.BadRequestError, 400, "provider_refused"),
        ("openai/status:422", openai.BadRequestError, 400, "provider_refused"),
        ("anthropic/status:400", openai.BadRequestError, 400, "provider_refused"),
        ("gemini/status:400", openai.BadRequestError, 400, "provider_refused"),
        ("openai/status:401", openai.InternalServerError, 502, "provider_auth_failed"),
        ("openai/status:404", openai.NotFoundError, 404, "model_not_found"),
        ("openai/status:429:30", openai.RateLimitError, 429, "provider_rate_limited"),
        ("anthropic/status:429:30", openai.RateLimitError, 429, "provider_rate_limited"),
        ("openai/status:500", openai.InternalServerError, 502, "provider_unavailable"),
        ("openai/html", openai.InternalServerError, 502, "provider_bad_response"),
    ],
)
def test_failures_have_their_own_class_and_status(
    client: openai.OpenAI, model: str, raised: type[openai.APIStatusError], status: int, code: str, stream: bool
) -> None:
    with pytest.raises(raised) as caught:
        list(client.chat.completions.create(model=model, messages=HELLO, stream=stream))  # type: ignore[call-overload]
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert caught.value.request_id or caught.value.response.headers["x-request-id"]
    if model.endswith(":30"):
        assert caught.value.response.headers["retry-after"] == "30"


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_provider_refuses_is_asked_once(ann: Person, upstream: Upstream, stream: bool) -> None:
    model = f"openai/status:400#once-{stream}"
    before = upstream.requests
    with (
        openai.OpenAI(base_url=f"http://127.0.0.1:{ann.port}/v1", api_key=ann.token) as patient,
        pytest.raises(openai.BadRequestError, match="The provider said: refused with status 400") as caught,
    ):
        list(patient.chat.completions.create(model=model, messages=HELLO, stream=stream))  # type: ignore[call-overload]
    assert caught.value.type == "invalid_request_error"
    assert upstream.requests == before + 1


def test_bad_credentials_and_bad_requests(server: Server, client: openai.OpenAI) -> None:
    with (
        openai.OpenAI(base_url=client.base_url, api_key="parley-nobody", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.chat.completions.create(model="demo", messages=HELLO)  # type: ignore[arg-type]
    for body, param in (
        ({"messages": []}, "messages"),
        ({"temperature": 9}, "temperature"),
        ({"base_url": "http://127.0.0.1:1"}, "base_url"),
        ({"extra_headers": {"x": "y"}}, "extra_headers"),
        ({"api_key": "sk-mine"}, "api_key"),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(  # type: ignore[call-overload]
                **{"model": "demo", "messages": HELLO, "extra_body": body} | ({} if "messages" not in body else body)
            )
        assert caught.value.param == param


def test_what_another_protocol_has_no_word_for_is_refused_in_words(client: openai.OpenAI) -> None:
    audio = [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}]
    with pytest.raises(openai.BadRequestError, match="text and images") as caught:
        client.chat.completions.create(model="anthropic/text", messages=audio)  # type: ignore[arg-type]
    assert caught.value.param == "messages.0.content.0"
    with pytest.raises(openai.BadRequestError, match="one answer"):
        client.chat.completions.create(model="gemini/text", messages=HELLO, n=2)  # type: ignore[arg-type]


# What reaches the provider


def test_everything_is_passed_on_to_a_provider_of_the_same_protocol(ann: Person, upstream: Upstream) -> None:
    messages = [
        {"role": "developer", "content": "be brief", "name": "me"},
        {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "made_up", "x": [1]}]},
    ]
    more = {"logit_bias": {"50256": -100}, "n": 2, "logprobs": True, "user": "u", "made_up": {"a": 1}, "seed": 7}
    answered = raw(ann, model="openai/text#passed", messages=messages, temperature=0, **more)
    assert answered.status == 200, answered.body
    served = upstream.sent("passed")
    assert served is not None
    sent = served.body
    assert sent["messages"] == messages
    assert {name: sent[name] for name in more} == more
    assert (sent["model"], sent["stream"], sent["temperature"]) == ("text#passed", False, 0)


def test_the_configs_prompt_and_parameters_stand_in_for_what_the_client_leaves_out(
    ann: Person, upstream: Upstream
) -> None:
    values = {"name": "poet", "provider": "openai", "api_key": canary.KEY, "model": "text#poet"}
    values |= {"system_prompt": "Rhyme.", "temperature": 0.5, "max_tokens": 77}  # type: ignore[dict-item]
    assert ann.call("POST", "/model-configs", values).status == 201

    def sent(**body: Any) -> dict[str, Any]:
        assert raw(ann, model="poet", **body).status == 200
        served = upstream.sent("poet")
        assert served is not None
        return served.body

    bare = sent()
    assert bare["messages"] == [{"role": "system", "content": "Rhyme."}, *HELLO]
    assert (bare["temperature"], bare["max_completion_tokens"]) == (0.5, 77)
    own = sent(messages=[{"role": "system", "content": "Mine."}, *HELLO], temperature=0, max_tokens=5)
    assert own["messages"][0]["content"] == "Mine."
    assert (own["temperature"], own["max_tokens"]) == (0, 5)
    assert "max_completion_tokens" not in own


# The ledger, and readers who leave


def test_a_completion_is_one_row_of_the_ledger_and_no_chat(ann: Person) -> None:
    before = ann.call("GET", "/chats").json["items"]
    answered = raw(ann, model="anthropic/text")
    row = ledger(ann, answered.json["id"])
    assert (row["status"], row["provider"], row["model"], row["chat_id"]) == ("complete", "anthropic", "text", None)
    assert ann.call("GET", "/chats").json["items"] == before


def test_each_request_is_one_row_of_the_ledger_however_it_ends(server: Server) -> None:
    leda = server.person("leda")
    leda.openai()
    models = ("text", "status:400", "status:401", "status:429:30", "status:500", "drop", "html", "error-in-stream:3")
    for model in models:
        for stream in (False, True):
            raw(leda, model=f"openai/{model}", stream=stream)
    refused = leda.call("POST", "/v1/chat/completions", {"messages": HELLO, "model": "openai/text", "temperature": 9})
    assert refused.status == 400, "which asks nobody"
    used = {one["model"]: one["calls"] for one in leda.call("GET", "/usage?group_by=model").json["items"]}
    assert used == dict.fromkeys(models, 2)


def test_a_reader_who_leaves_ends_the_providers_call(ann: Person, upstream: Upstream) -> None:
    for stream in (True, False):
        tag = f"left-{stream}"
        body = json.dumps({"model": f"openai/count:3000:20#{tag}", "messages": HELLO, "stream": stream}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", ann.port, timeout=60)
        headers = {"Authorization": f"Bearer {ann.token}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", body, headers)
        until(lambda tag=tag: upstream.sent(tag))
        if stream:
            connection.getresponse().read(10)
        connection.sock.shutdown(socket.SHUT_RDWR) if connection.sock else None
        connection.close()
        until(lambda tag=tag: upstream.sent(tag).left, what=f"the provider's call to end ({tag})")  # type: ignore[union-attr]


def test_a_failure_in_mid_stream_is_told_and_nothing_claims_success(ann: Person) -> None:
    for model in ("openai/error-in-stream:5", "openai/cut:5", "anthropic/error-in-stream:5"):
        answered = raw(ann, model=model, stream=True)
        assert answered.status == 200
        lines = [line[6:] for line in answered.body.decode().split("\n\n") if line]
        assert "error" in json.loads(lines[-1])
        assert json.loads(lines[-1])["error"]["message"]
        assert not any('"finish_reason":"' in line or line == "[DONE]" for line in lines)


def test_many_wait_without_threads(ann: Person, server: Server, upstream: Upstream) -> None:
    connections = []
    for number in range(60):
        body = json.dumps({"model": f"openai/stall#many-{number}", "messages": HELLO, "stream": number % 2 == 0})
        connection = http.client.HTTPConnection("127.0.0.1", ann.port, timeout=60)
        headers = {"Authorization": f"Bearer {ann.token}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", body.encode(), headers)
        connections.append(connection)
    until(lambda: all(upstream.sent(f"many-{number}") for number in range(60)))
    assert call(server.port, "GET", "/health").status == 200
    for connection in connections:
        connection.close()
    until(lambda: all(upstream.sent(f"many-{number}").left for number in range(60)))  # type: ignore[union-attr]


def test_models(client: openai.OpenAI) -> None:
    ids = [model.id for model in client.models.list()]
    assert "demo/demo" in ids
    assert client.models.retrieve("demo/demo").id == "demo/demo"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("openai/nothing-like-it")


def test_the_server_may_be_asked_with_an_old_http(ann: Person, tmp_path: Path) -> None:
    body = json.dumps({"model": "openai/status:429:30", "messages": HELLO, "stream": True}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {ann.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", ann.port), timeout=60) as sock:
        sock.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.split(b"\r\n")[0].split()[1] == b"429"
    assert b"Retry-After: 30" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "provider_rate_limited"
