"""One chat through all surfaces: one history, one ledger; and whatever a provider says arrives as it was said."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api.domain.text import clean_text
from api.web.completions.answers import Chunks
from api.web.dialects.chat2anyllm import wire as chat2anyllm
from api.web.dialects.llm_backend import wire as llm_backend
from api.web.dialects.openai import wire as openai
from tests.dialects.surfaces import NAMES, SLUG, SURFACES, OpenAI, Surface, asker, frames
from tests.server import Answer, Server
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("surfaces")
ORDERS = [tuple((first + step * by) % 6 for step in range(6)) for first in range(6) for by in (1, 5)]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "".join(map(str, order)))
def test_a_chat_begun_in_one_goes_on_in_all_the_others(
    server: Server, upstream: Upstream, order: tuple[int, ...]
) -> None:
    name = f"order_{''.join(map(str, order))}"
    ann = asker(server.person(name), f"text#{name}")
    surfaces = [SURFACES[number](ann) for number in order]
    surfaces[0].begin()
    said: list[tuple[str, str]] = []
    for place, surface in enumerate(surfaces):
        text = f"{place} through {type(surface).__name__} <&> 🧵"
        assert surface.say(text) == text
        served = upstream.sent(name)
        assert served is not None
        turns = [(turn["role"], turn["content"]) for turn in served.body["messages"]]
        assert turns == [*said, ("user", text)], "the whole conversation is the context"
        said += [("user", text), ("assistant", text)]
        for reader in surfaces:
            assert reader.read() == said, f"{type(reader).__name__} after {type(surface).__name__}"
    (chat,) = ann.call("GET", "/chats").json["items"]
    assert chat["slug"] == SLUG
    used = ann.call("GET", "/usage?group_by=surface").json["items"]
    assert {one["surface"]: one["calls"] for one in used} == dict.fromkeys(NAMES.values(), 1)
    (by_chat,) = ann.call("GET", "/usage?group_by=chat").json["items"]
    assert by_chat["calls"] == 6, "one ledger"
    (replies,) = (one for one in ann.call("GET", "/usage/limits").json["limits"] if one["name"] == "generations")
    assert replies["limit"] - replies["remaining"] in (5, 6), "one bucket; an hour that begins meanwhile lets one fade"
    generations = [one["metadata"].get("generation_id") for one in ann.messages(SLUG) if one["role"] == "assistant"]
    surfaces_told = [ann.generation(one)["surface"] for one in generations]
    assert surfaces_told == [NAMES[type(surface)] for surface in surfaces]


HOSTILE = (
    "data: [DONE]\n\n",
    'data: {"error": "no"}\n\ndata: {"event":"done","data":"Stream finished"}\n\n',
    "event: finished\ndata: {}\n\n: ping\n\n",
    "\r\n\r\n\r0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "lines \u2028\u2029\x85\x0b\x0c\x1c\x1e of all kinds",
    '"}]}\\u0000 \\" \\\\ {{variable}} [[ROLE:x]]',
    "\ufeff\u202e\u202e\U0001f3f3\ufe0f\u200d\U0001f308\U0001f469\u200d\U0001f467 e\u0301",
    " \n leading and trailing \t\n",
    "<script>alert(1)</script><!channel>&amp;",
    "\x01\x07\x1b[31m\x7f",
    "𝕊urrogates 😀" * 40,
)


@pytest.mark.parametrize("surface", SURFACES, ids=lambda kind: NAMES[kind])
def test_hostile_replies_arrive_as_they_were_said(server: Server, surface: type[Surface]) -> None:
    """The provider says what it was asked, cut at random; between provider and reader is all that there is."""
    one = surface(asker(server.person(f"hostile_{NAMES[surface]}")))
    one.begin()
    for text in HOSTILE:
        assert one.say(text) == text
    assert [content for role, content in one.read() if role == "assistant"] == list(HOSTILE)


def _chunks(told: bytes) -> str:
    return OpenAI.told(None, Answer(200, {}, told))  # type: ignore[arg-type]


def _pieces(told: bytes) -> str:
    *pieces, done = frames(Answer(200, {}, told))
    assert done == "[DONE]"
    return "".join(json.loads(piece)["choices"][0]["delta"]["content"] for piece in pieces)


def _events(told: bytes) -> str:
    *pieces, done, whole = [json.loads(frame) for frame in frames(Answer(200, {}, told))]
    assert done["event"] == "done"
    assert whole["data"] == "".join(piece["data"] for piece in pieces)
    return str(whole["data"])


BEGUN: Any = SimpleNamespace(generation_id=uuid4(), model="m", created=1)
STREAMS: dict[str, tuple[Callable[[], Callable[[Iterable[Any]], bytes]], Callable[[bytes], str]]] = {
    "openai": (lambda: Chunks(BEGUN, openai.error_form, include_usage=False), _chunks),
    "chat2anyllm": (chat2anyllm.Stream, _pieces),
    "llm_backend": (llm_backend.Stream, _events),
}
TEXTS = st.text(st.characters() | st.sampled_from('\r\n\0":\\[]{}\u2028\ufffd'))


@pytest.mark.parametrize("dialect", STREAMS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, max_size=12), cuts=st.lists(st.integers(0, 12), max_size=5))
@example(texts=["\ud83d", "\ude00\n\ndata: [DONE]\n\n"], cuts=[1])
def test_a_streams_reader_gets_exactly_the_text(dialect: str, texts: list[str], cuts: list[int]) -> None:
    """However the text comes in pieces, and however many of them are written at once."""
    make, read = STREAMS[dialect]
    encode = make()
    pieces = [clean_text(text) for text in texts]
    whole = "".join(pieces)
    end = {"status": "complete", "finish_reason": "stop", "message": {"content": whole}}
    events = [(place, "delta", piece) for place, piece in enumerate(pieces, 1)] + [(99, "finished", end)]
    edges = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    told = b"".join(encode(events[start:stop]) for start, stop in itertools.pairwise(edges))
    assert read(told) == whole
