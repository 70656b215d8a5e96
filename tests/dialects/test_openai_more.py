"""/v1 besides completions that are stored nowhere: embeddings, and turns of a chat (`X-Parley-Chat`)."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.answers import Answers as Vectors
from tests.dialects.people import with_vectors
from tests.server import Answer, Person, Server, until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("openai-dialect")
HELLO = [{"role": "user", "content": "hello you"}]


@pytest.fixture(scope="module")
def ben(server: Server) -> Person:
    return with_vectors(server.person("ben"))


@pytest.fixture(scope="module")
def client(server: Server, ben: Person) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key=ben.token, max_retries=0) as made:
        yield made


def stored(ben: Person, chat: str, messages: Any = HELLO, **body: Any) -> Answer:
    headers = {"X-Parley-Chat": chat} | body.pop("headers", {})
    given = {"model": "openai/text", "messages": messages} | body
    return ben.call("POST", "/v1/chat/completions", given, **headers)


def texts(ben: Person, chat: str) -> list[str]:
    return [message["content"] for message in ben.messages(chat)]


@pytest.mark.parametrize("streamed", [True, False])
def test_a_reply_that_grows_too_long_is_cut_there(client: openai.OpenAI, streamed: bool) -> None:
    """A provider's own chunk is never told in part."""
    asked: Any = {"model": "openai/flood:2", "messages": HELLO}
    if streamed:
        chunks = [one.choices[0] for one in client.chat.completions.create(**asked, stream=True) if one.choices]
        said, finish = "".join(one.delta.content or "" for one in chunks), chunks[-1].finish_reason
        assert len(said) == 1_000_000 // 65_536 * 65_536
    else:
        choice = client.chat.completions.create(**asked).choices[0]
        said, finish = choice.message.content or "", choice.finish_reason
        assert len(said) == 1_000_000
    assert finish == "length"


# Embeddings


def test_embeddings(client: openai.OpenAI, vectors: Vectors) -> None:
    made = client.embeddings.create(model="vectors", input=["one", "three"])  # as base64, which the SDK unpacks
    assert [one.embedding for one in made.data] == [[0.5, 3.0], [0.5, 5.0]]
    assert [one.index for one in made.data] == [0, 1]
    assert (made.model, made.usage.prompt_tokens, made.usage.total_tokens) == ("mistral-embed", 7, 7)
    plain = client.embeddings.create(model="mistral/mistral-embed", input="one", encoding_format="float", dimensions=2)
    assert plain.data[0].embedding == [0.5, 3.0]
    assert vectors.asked[-1][1]["input"] == ["one"]


@pytest.mark.parametrize(("given", "sent"), [([1, 2, 3], [[1, 2, 3]]), ([[1, 2], [3]], [[1, 2], [3]])])
def test_lists_of_tokens(client: openai.OpenAI, vectors: Vectors, given: Any, sent: Any) -> None:
    """As LangChain sends them, unless it is told not to."""
    made = client.embeddings.create(model="vectors", input=given, user="somebody")
    assert [one.embedding for one in made.data] == [[0.5, float(len(one))] for one in sent]
    assert (vectors.asked[-1][1]["input"], vectors.asked[-1][1]["user"]) == (sent, "somebody")


def test_packed_vectors_are_32_bit_floats(ben: Person) -> None:
    answered = ben.call("POST", "/v1/embeddings", {"model": "vectors", "input": "one", "encoding_format": "base64"})
    packed = base64.b64decode(answered.json["data"][0]["embedding"])
    assert struct.unpack("<2f", packed) == (0.5, 3.0)


def test_each_call_for_embeddings_is_one_row_of_the_ledger(server: Server) -> None:
    ann = server.person("counted")
    for name, provider in (("vectors", "mistral"), ("failing", "anthropic")):
        values = {"name": name, "provider": provider, "api_key": "key-0123456789abcdef", "model": "mistral-embed"}
        assert ann.call("POST", "/model-configs", values).status == 201
    assert ann.call("POST", "/v1/embeddings", {"model": "vectors", "input": "one"}).status == 200
    refused = ann.call("POST", "/v1/embeddings", {"model": "failing", "input": "one"})
    assert (refused.status, refused.json["error"]["code"]) == (400, "invalid")
    (used,) = ann.call("GET", "/usage?group_by=surface").json["items"]
    assert (used["surface"], used["calls"], used["errors"], used["prompt_tokens"]) == ("openai", 2, 1, 7)


@pytest.mark.parametrize(
    ("body", "raised"),
    [
        ({"input": []}, openai.BadRequestError),
        ({"input": " "}, openai.BadRequestError),
        ({"input": [[]]}, openai.BadRequestError),
        ({"input": [[1, "two"]]}, openai.BadRequestError),
        ({"input": [-1]}, openai.BadRequestError),
        ({"extra_body": {"base_url": "http://127.0.0.1:9"}}, openai.BadRequestError),
        ({"dimensions": 0}, openai.BadRequestError),
        ({"model": "nothing-like-it"}, openai.NotFoundError),
    ],
)
def test_embeddings_that_cannot_be(client: openai.OpenAI, body: Any, raised: type[openai.APIStatusError]) -> None:
    with pytest.raises(raised) as caught:
        client.embeddings.create(**{"model": "vectors", "input": "one"} | body)
    assert caught.value.message


# A turn of a chat


@pytest.mark.parametrize("stream", [False, True])
def test_the_turn_is_stored_in_the_chat(client: openai.OpenAI, ben: Person, upstream: Upstream, stream: bool) -> None:
    chat = f"by-header-{stream}".lower()
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "before"},
        {"role": "assistant", "content": "an answer"},
        {"role": "user", "content": "now"},
    ]
    asked: Any = {"model": f"openai/text#{chat}", "messages": messages, "temperature": 0.25, "stream": stream}
    told = client.chat.completions.create(**asked, extra_headers={"X-Parley-Chat": chat})
    if stream:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in told)
    else:
        text = told.choices[0].message.content
        assert told.usage.total_tokens > 0
    assert text == "now"
    served = upstream.sent(chat)
    assert served is not None
    assert served.body["messages"] == messages, "the request is the context, its system prompt the only one"
    assert served.body["temperature"] == 0.25
    assert texts(ben, chat) == ["now", "now"], "of the request the last message is stored, and its reply"
    opened = ben.call("GET", f"/chats/{chat}").json
    assert (opened["slug"], opened["title"]) == (chat, "now")
    row = ben.generation(ben.messages(chat)[1]["metadata"]["generation_id"])
    assert (row["surface"], row["chat_id"]) == ("openai", opened["id"])
    assert row["notes"]["system_prompt_from"] == "message"
    assert stored(ben, opened["id"], [{"role": "user", "content": "by id"}]).status == 200
    assert texts(ben, chat) == ["now", "now", "by id", "by id"]


def test_what_a_chat_does_not_hold_is_refused(ben: Person) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    for body, param in (
        ({"tools": []}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logit_bias": {}}, "logit_bias"),
        ({"base_url": "http://127.0.0.1:1"}, "base_url"),
        ({"n": 2}, "n"),
        ({"messages": [{"role": "system", "content": "alone"}]}, "messages"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "last"}]}, "messages"),
        ({"messages": [{"role": "user", "content": [image]}]}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
    ):
        refused = stored(ben, "refused", **body)
        assert (refused.status, refused.json["error"]["param"]) == (400, param), refused.body
    assert ben.call("GET", "/chats/refused").status == 404, "nothing was begun"
    for chat in ("not a slug", "x" * 51):
        refused = stored(ben, chat)
        assert (refused.status, refused.json["error"]["param"]) == (400, None), "a header is no parameter"
    assert stored(ben, "01890000-0000-7000-8000-000000000000").status == 404, "an id is never made up"


def test_anothers_chat_is_never_written_to(server: Server, ben: Person) -> None:
    mallory = server.person("mallory")
    mine = ben.chat(slug="mine")
    assert stored(mallory, mine, model="demo/demo").status == 404
    assert stored(mallory, "mine", [{"role": "user", "content": "demo:fast hi"}], model="demo/demo").status == 200
    assert texts(ben, "mine") == []
    assert texts(mallory, "mine")[0] == "demo:fast hi"


def test_a_failure_has_its_status_and_the_chat_keeps_the_question(ben: Person) -> None:
    refused = stored(ben, "failing", model="openai/status:429:30")
    assert (refused.status, refused.json["error"]["code"]) == (429, "provider_rate_limited")
    assert refused.headers["retry-after"] == "30"
    assert texts(ben, "failing") == ["hello you", ""]


@pytest.mark.parametrize("streamed", [True, False])
def test_a_turn_that_is_told_again_says_so(ben: Person, streamed: bool) -> None:
    headers = {"Idempotency-Key": f"again-{streamed}"}
    first, again = (stored(ben, f"again-{streamed}", headers=headers, stream=streamed) for _ in range(2))
    assert (first.status, again.status) == (200, 200)
    assert "idempotent-replay" not in first.headers
    assert again.headers["idempotent-replay"] == "true"


def test_the_same_key_asks_once(ben: Person) -> None:
    answers = [stored(ben, "once", headers={"Idempotency-Key": "the-same"}) for _ in range(2)]
    assert [answer.json["choices"][0]["message"]["content"] for answer in answers] == ["hello you"] * 2
    assert answers[0].json["id"] == answers[1].json["id"]
    assert texts(ben, "once") == ["hello you", "hello you"]


def test_a_reader_who_leaves_loses_nothing(ben: Person) -> None:
    body = {"model": "openai/count:60:20", "messages": HELLO, "stream": True}
    with ben.streamed("POST", "/v1/chat/completions", body, **{"X-Parley-Chat": "left"}) as stream:
        stream.response.readline()
    whole = "".join(f"{count} " for count in range(1, 61))
    until(lambda: texts(ben, "left") == ["hello you", whole])
