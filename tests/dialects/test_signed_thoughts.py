"""What a provider signed goes back to it with the next turn, and to nobody else."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from tests.server import Person, Server
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("openai-dialect")
SIGNATURE = "c2lnbmVk"
KEY = "key-0123456789abcdef"
THOUGHT = {"type": "thinking", "thinking": "hmm, yes", "signature": SIGNATURE}


@pytest.fixture(scope="module")
def thinker(server: Server) -> Person:
    person = server.person("thinker")
    for provider in ("anthropic", "gemini"):
        values = {"name": provider, "provider": provider, "api_key": KEY, "model": "thinking"}
        assert person.call("POST", "/model-configs", values).status == 201
    return person


def said(person: Person, chat: str, content: str, model: str, **values: Any) -> dict[str, Any]:
    answer = person.call("POST", f"/chats/{chat}/messages", {"content": content, "model": model} | values)
    assert answer.status == 201, answer.body
    reply: dict[str, Any] = answer.json["message"]
    return reply


def sent(upstream: Upstream, tag: str) -> Any:
    served = upstream.sent(tag)
    assert served is not None
    return served.body


def test_anthropic(thinker: Person, upstream: Upstream) -> None:
    chat = thinker.chat()
    model = "anthropic/thinking#signed-a"
    assert said(thinker, chat, "first", model)["reasoning"] == "hmm, yes"
    said(thinker, chat, "second", model)
    first, reply, second = sent(upstream, "signed-a")["messages"]
    assert (first["content"], second["content"]) == ("first", "second")
    assert reply == {"role": "assistant", "content": [THOUGHT, {"type": "text", "text": "You said: first "}]}
    said(thinker, chat, "third", model)
    turns = sent(upstream, "signed-a")["messages"]
    assert [turn["content"][0] for turn in turns if turn["role"] == "assistant"] == [THOUGHT, THOUGHT]


def test_gemini(thinker: Person, upstream: Upstream) -> None:
    chat = thinker.chat()
    model = "gemini/thinking#signed-g"
    said(thinker, chat, "first", model)
    said(thinker, chat, "second", model)
    reply = sent(upstream, "signed-g")["contents"][1]
    assert reply["parts"] == [{"text": "You said: first "}, {"text": "", "thoughtSignature": SIGNATURE}]


def test_another_model_and_another_wire_do_not_get_it(thinker: Person, upstream: Upstream) -> None:
    chat = thinker.chat()
    said(thinker, chat, "first", "anthropic/thinking#signed-x")
    for model in ("anthropic/text#other", "gemini/text#other"):
        said(thinker, chat, "next", model)
        assert SIGNATURE not in str(sent(upstream, "other"))
    said(thinker, chat, "back", "anthropic/thinking#signed-x")
    assert str(sent(upstream, "signed-x")).count(SIGNATURE) == 1


def test_a_copy_of_the_chat_has_it_too(thinker: Person, upstream: Upstream) -> None:
    chat = thinker.chat()
    reply = said(thinker, chat, "first", "anthropic/thinking#signed-f")
    forked = thinker.call("POST", f"/chats/{chat}/fork", {"message_id": reply["id"]})
    assert forked.status == 201, forked.body
    said(thinker, forked.json["id"], "second", "anthropic/thinking#signed-f")
    assert sent(upstream, "signed-f")["messages"][1]["content"][0] == THOUGHT


def test_it_is_shown_to_nobody(thinker: Person) -> None:
    chat = thinker.chat(title="Signed")
    reply = said(thinker, chat, "first", "anthropic/thinking#signed-s")
    generation = reply["metadata"]["generation_id"]
    with thinker.follow(generation) as stream:
        assert SIGNATURE not in str(list(stream))
    for path in (
        f"/chats/{chat}",
        f"/chats/{chat}/messages",
        f"/generations/{generation}",
        *(f"/chats/{chat}/export?format={name}" for name in ("json", "markdown", "html")),
    ):
        answer = thinker.call("GET", path)
        assert answer.status == 200, path
        assert SIGNATURE not in answer.body.decode(), path
    archive = zipfile.ZipFile(io.BytesIO(thinker.call("GET", "/export").body))
    assert all(SIGNATURE.encode() not in archive.read(name) for name in archive.namelist())


def test_a_reply_that_called_tools_or_went_on_keeps_none(thinker: Person, upstream: Upstream) -> None:
    chat = thinker.chat()
    said(thinker, chat, "first", "gemini/tools#signed-t")
    said(thinker, chat, "second", "gemini/tools#signed-t")
    assert SIGNATURE not in str(sent(upstream, "signed-t"))
