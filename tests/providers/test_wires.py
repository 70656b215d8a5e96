"""The wires against bytes cut, mixed and broken anywhere: events or a ProviderError, in bounded memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain import errors
from api.domain.conversation import CompletionRequest, Turn
from api.domain.events import Finish, Note, ProviderEvent, ReasoningDelta, TextDelta, Usage
from api.domain.text import clean_text
from api.providers.assembly import count_of
from api.providers.framing import MAX_LINE_BYTES
from api.providers.reply import MAX_BODY_BYTES
from tests import hypothesis_profiles  # noqa: F401
from tests.providers.helpers import WIRES, cut_at, decode
from tests.upstream_formats import FORMATS, Format, OpenAIFormat

FULL = CompletionRequest("m", (Turn("user", "Hi"),))
OPENAI = WIRES["openai"]
SSE = [name for name in WIRES if name != "ollama"]


def test_adjacent_deltas_of_one_read_are_one_event() -> None:
    form = OpenAIFormat("m")
    data = form.token("a") + form.token("b") + form.thought("c") + form.thought("d") + form.token("e")
    assert OPENAI.decoder(FULL).feed(data) == [TextDelta("ab"), ReasoningDelta("cd"), TextDelta("e")]


pieces_of_protocol = st.sampled_from(
    [b"data:", b"data: ", b"\n", b"\r\n", b"\n\n", b"[DONE]", b"{", b"}", b"[", b"]", b'"choices"', b'"delta"', b"null"]
    + [b'"content"', b'"usage"', b'"error"', b'"tool_calls"', b'"message"', b'"done"', b"true", b":", b",", b"1e999"]
    + [
        b'"\\ud83d"',
        b"\xff",
        b"\x00",
        b"\xef\xbb\xbf",
        b"<html>",
        b'{"choices":[{"delta":{"content":"x"}}]}',
        b"event: x",
    ]
    + [b'{"choices":[{"index":0,"delta":{"tool_calls":[{"index":99999999999,"function":{"arguments":{}}}]}}]}']
    + [b'{"type":"content_block_delta","index":0,"delta":{"text":"x","partial_json":"{"}}', b'{"type":"message_stop"}']
    + [b'{"type":"content_block_start","index":-1,"content_block":{"type":"tool_use","input":[[]]}}', b'{"type":7}']
    + [b'{"type":"message_delta","delta":{"stop_reason":"x"},"usage":[]}', b'{"type":"content_block_stop"}']
    + [b'{"candidates":[{"content":{"parts":[{"text":"x"},{"functionCall":{}}]},"finishReason":"X"}]}']
    + [b'{"candidates":[{}],"usageMetadata":{"promptTokenCount":1e999}}', b'{"promptFeedback":{"blockReason":"X"}}']
    + [b'{"message":{"content":"x"},"done":false}', b'{"error":[[]]}', b'{"choices":[],"usage":{"prompt_tokens":-1}}']
)


@pytest.mark.parametrize("wire", WIRES)
@given(
    data=st.one_of(st.binary(max_size=300), st.lists(pieces_of_protocol, max_size=30).map(b"".join)),
    cuts=st.lists(st.integers(0, 300), max_size=6),
)
def test_any_bytes_make_events_or_a_provider_error(wire: str, data: bytes, cuts: list[int]) -> None:
    decoder = WIRES[wire].decoder(FULL)
    detail = ""
    try:
        decode(decoder, cut_at(data, cuts))
    except errors.ProviderError as error:
        detail = error.detail
    assert len(detail.encode()) < 2500


@pytest.mark.parametrize("wire", WIRES)
@given(
    text=st.text(alphabet=st.characters(exclude_categories=[]), max_size=60),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=20),
    cuts=st.lists(st.integers(0, 3000), max_size=10),
)
def test_any_text_survives_any_cut(wire: str, text: str, sizes: list[int], cuts: list[int]) -> None:
    """The text is cut between UTF-16 units into deltas, and the deltas' bytes are cut again."""
    form: Format = FORMATS[wire]("m")
    units = text.encode("utf-16-le", "surrogatepass")
    data = b""
    for size in sizes * (len(units) + 1):
        piece, units = units[: 2 * size], units[2 * size :]
        if piece:
            data += form.token(piece.decode("utf-16-le", "surrogatepass"))
    events = decode(WIRES[wire].decoder(FULL), cut_at(data + form.finish(1, 1), cuts))
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == clean_text(text)


@pytest.mark.parametrize("wire", WIRES)
def test_raw_utf8_and_broken_utf8(wire: str) -> None:
    form: Format = FORMATS[wire]("m")
    data = form.token("PLACE").replace(b"PLACE", "né\u2028🦀".encode() + b"\xff\xed\xa0\x80!") + form.finish(1, 1)
    events = decode(WIRES[wire].decoder(FULL), [data])
    assert events[0] == TextDelta("né\u2028🦀" + "\ufffd" * 4 + "!")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("size", [1000, 65536])
def test_a_line_without_end_is_refused_early(wire: str, size: int) -> None:
    decoder = WIRES[wire].decoder(FULL)
    fed = 0
    with pytest.raises(errors.ProviderBadResponse):
        while fed < 100 * 1024 * 1024:
            decoder.feed(b"data: xx"[:8] * (size // 8))
            fed += size
    assert fed <= MAX_LINE_BYTES + size


@pytest.mark.parametrize("wire", SSE)
def test_endless_data_lines_and_bodies_are_refused_early(wire: str) -> None:
    for start, more, limit in [
        (b"", b"data: " + b"x" * 9000 + b"\n", MAX_LINE_BYTES),
        (b"{", b" " * 9000, MAX_BODY_BYTES),
    ]:
        decoder = WIRES[wire].decoder(FULL)
        decoder.feed(start)
        with pytest.raises(errors.ProviderBadResponse):
            for _ in range(2 * limit // 9000):
                decoder.feed(more)


LONG = "x" * 90_000
SIGNED = {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": LONG}}
ENDLESS = [
    ("openai", {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": LONG}}]}}]}),
    ("openai", {"choices": [{"delta": {"reasoning_content": LONG}}]}),
    ("anthropic", {"type": "content_block_start", "content_block": {"type": "tool_use", "name": LONG}}),
    ("anthropic", SIGNED),
    ("anthropic", {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": LONG}}),
    ("google", {"candidates": [{"content": {"parts": [{"functionCall": {"args": {"a": LONG}}}]}}]}),
    ("google", {"candidates": [{"content": {"parts": [{"functionCall": {}, "thoughtSignature": LONG}]}}]}),
    ("ollama", {"message": {"tool_calls": [{"function": {"name": LONG}}]}}),
]


@pytest.mark.parametrize(("wire", "event"), ENDLESS)
def test_what_is_kept_to_the_end_is_capped(wire: str, event: dict[str, Any]) -> None:
    decoder = WIRES[wire].decoder(FULL)
    data = (b"data: " if wire in SSE else b"") + json.dumps(event).encode() + b"\n\n"
    with pytest.raises(errors.ProviderBadResponse, match="more (tool calls|thoughts) than"):
        for _ in range(200):
            decoder.feed(data)
            if decoder.done:
                decoder.end()


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("depth", [500, 200_000])
def test_deep_nesting_is_an_error_and_no_crash(wire: str, depth: int) -> None:
    prefix = b"data: " if wire in SSE else b""
    for key in (b"x", b"error", b"usage", b"choices", b"candidates", b"delta"):
        decoder = WIRES[wire].decoder(FULL)
        with pytest.raises(errors.ProviderError):
            decode(decoder, [prefix + b'{"' + key + b'":' + b"[" * depth + b"]" * depth + b"}\n\n"])


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", errors.ProviderUnavailable),
        (b"   \n", errors.ProviderUnavailable),
        (b"data: {}\n\n", errors.ProviderUnavailable),
        (b"Not Found", errors.ProviderBadResponse),
        (b"<html>", errors.ProviderBadResponse),
        (b'{"hello": 1}', errors.ProviderBadResponse),
        (b"[1]", errors.ProviderBadResponse),
        (b"data: oops\n\n", errors.ProviderBadResponse),
        (b'{"error": {"message": "no such model", "code": "model_not_found"}}', errors.ModelNotFound),
        (b'{"error": "invalid_api_key", "code": 1}', errors.ProviderError),
        (
            b'{"object": "error", "message": "This model\'s maximum context length is 9", "code": 400}',
            errors.ContextTooLong,
        ),
        (b'data: {"error": {"code": 429, "message": "slow down"}}\n\n', errors.ProviderRateLimited),
        (b'data: {"error": {"code": "content_filter", "message": "no"}}\n\n', errors.ContentFiltered),
        (b'data: {"choices":[{"delta":{},"finish_reason":"error"}]}\n\n', errors.ProviderUnavailable),
    ],
)
def test_answers_that_are_none(body: bytes, error: type[errors.ProviderError]) -> None:
    with pytest.raises(errors.ProviderError) as caught:
        decode(OPENAI.decoder(FULL), [body])
    assert type(caught.value) is error


NAMED = [
    (b'{"message": "WORDS"}', errors.ProviderError),
    (b'{"detail": "WORDS"}', errors.ProviderError),
    (b"WORDS", errors.ProviderError),
    (b'"WORDS"', errors.ProviderError),
    (b'{"error": "WORDS"}', errors.ProviderError),
    (b'{"error": true, "message": "WORDS"}', errors.ProviderError),
    (b'{"error": "rate_limited", "message": "WORDS", "code": 429}', errors.ProviderRateLimited),
    (b'{"error": {"message": "WORDS", "code": 503}}', errors.ProviderUnavailable),
    (b'{"type": "error", "error": {"type": "overloaded_error", "message": "WORDS"}}', errors.ProviderUnavailable),
    (b'{"choices": [], "message": "WORDS", "code": "context_length_exceeded"}', errors.ContextTooLong),
]


@pytest.mark.parametrize("wire", SSE)
@pytest.mark.parametrize(("data", "error"), NAMED)
@pytest.mark.parametrize("name", [b"event: error\n", b"event:error\r\n"])
def test_an_event_named_error(wire: str, data: bytes, error: type[errors.ProviderError], name: bytes) -> None:
    """Its words are told, whatever its form, wherever it is cut, and with what came before it."""
    said = FORMATS[wire]("m").token("said before")
    for end in (b"\n\n", b"\n", b""):
        sent = said + name + b"data: " + data + end
        for cut in (len(said), len(said) + len(name), len(sent) - 3, len(sent)):
            decoder, events = WIRES[wire].decoder(FULL), list[ProviderEvent]()
            with pytest.raises(errors.ProviderError, match="WORDS") as caught:
                for piece in cut_at(sent, [cut]):
                    events += decoder.feed(piece)
                decoder.end()
            assert type(caught.value) is error
            assert events == [TextDelta("said before")]


@pytest.mark.parametrize(
    "data", [b"event: error\n\n", b"event: error\n\nevent: x\n", b"event: errors\n", b"eventual: error\n"]
)
def test_what_is_no_event_named_error(data: bytes) -> None:
    form = OpenAIFormat("m")
    events = decode(OPENAI.decoder(FULL), [data, form.token("fine") + form.finish(1, 1)])
    assert events[0] == TextDelta("fine")


def gemini(**candidate: object) -> bytes:
    return b"data: " + json.dumps({"candidates": [candidate]}).encode() + b"\n\n"


@pytest.mark.parametrize(
    ("wire", "body", "error"),
    [
        ("anthropic", b"<html>", errors.ProviderBadResponse),
        ("anthropic", b"Not Found", errors.ProviderBadResponse),
        ("anthropic", b'{"hello": 1}', errors.ProviderBadResponse),
        ("anthropic", b'{"type":"error","error":{"type":"overloaded_error"}}', errors.ProviderUnavailable),
        ("anthropic", b'data: {"type":"ping"}\n\n', errors.ProviderUnavailable),
        ("anthropic", b'data: {"type":"content_block_delta","delta":7}\n\n', errors.ProviderBadResponse),
        ("anthropic", b'data: {"type":"error"}\n\n', errors.ProviderError),
        ("anthropic", b'data: {"error":{"type":"rate_limit_error"}}\n\n', errors.ProviderRateLimited),
        ("google", b"<html>", errors.ProviderBadResponse),
        ("google", b'{"hello": 1}', errors.ProviderBadResponse),
        ("google", b'[{"error":{"code":400}}]', errors.ProviderBadResponse),
        ("google", b'{"promptFeedback":{"blockReason":"SAFETY"}}', errors.ContentFiltered),
        ("google", b'data: {"promptFeedback":{"blockReason":"OTHER"}}\n\n', errors.ContentFiltered),
        ("google", b'data: {"usageMetadata":{}}\n\n', errors.ProviderUnavailable),
        ("google", b'data: {"error":{"code":503,"message":"overloaded"}}\n\n', errors.ProviderUnavailable),
        ("google", gemini(finishReason="OTHER"), errors.ProviderUnavailable),
        ("google", gemini(finishReason="MALFORMED_FUNCTION_CALL", finishMessage="f("), errors.ProviderBadResponse),
    ],
)
def test_native_answers_that_are_none(wire: str, body: bytes, error: type[errors.ProviderError]) -> None:
    with pytest.raises(errors.ProviderError) as caught:
        decode(WIRES[wire].decoder(FULL), [body])
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("STOP", "stop"), ("MAX_TOKENS", "length"), ("RECITATION", "filtered"), ("SPII", "filtered"), ("NEW", "stop")],
)
def test_geminis_finish_reasons(reason: str, finish: str) -> None:
    assert decode(WIRES["google"].decoder(FULL), [gemini(finishReason=reason)]) == [Finish(finish)]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("pause_turn", "stop"), ("max_tokens", "length")]
    + [("model_context_window_exceeded", "length"), ("refusal", "filtered"), ("tool_use", "tool_calls")],
)
def test_anthropics_stop_reasons(reason: str, finish: str) -> None:
    data = b'data: {"type":"message_delta","delta":{"stop_reason":"%s"}}\n\n' % reason.encode()
    assert decode(WIRES["anthropic"].decoder(FULL), [data]) == [Finish(finish)]


STOP = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n'
COUNTS = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n'
BEHIND = {
    "no JSON": (b"data: {oops\n\n", 1),
    "odd types": (b'data: {"choices":{},"usage":{"prompt_tokens":7}}\n\n', 1),
    "odd counts": (b'data: {"choices":[],"usage":["many"]}\n\n', 0),
    "two": (b"data: {oops\n\ndata: [1]\n\n", 1),
    "an error": (b'data: {"error":{"message":"no counts today","code":500}}\n\n', 1),
    "an event named error": (b"event: error\ndata: no counts today\n\n", 1),
    "a line without an end": (b"data: " + b"x" * (MAX_LINE_BYTES + 1), 1),
    "half of it": (b'data: {"choices":[],"usa', 0),
    "a web page": (b"<html>\n\n", 0),
}


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("behind", BEHIND)
def test_nothing_behind_the_end_spoils_a_reply(behind: str, apart: bool) -> None:
    sent, notes = BEHIND[behind]
    data, read = STOP + sent, len(STOP) if apart else 65_536
    events = decode(OPENAI.decoder(FULL), [data[at : at + read] for at in range(0, len(data), read)])
    assert events[:2] == [TextDelta("x"), Finish("stop")]
    assert [type(event) for event in events[2:]] == [Note] * notes


@pytest.mark.parametrize("ending", [b"data: [DONE]\n\n", b""])
def test_counts_behind_something_unreadable_count(ending: bytes) -> None:
    events = decode(OPENAI.decoder(FULL), [STOP + BEHIND["two"][0] + COUNTS + ending])
    assert Usage(7, 3) in events
    assert Usage(7, 3) in decode(OPENAI.decoder(FULL), [STOP, COUNTS[:-1]]), "without its blank line"


END, CHUNK = b"data: [DONE]\n\n", b'data: {"choices":[]}\n\n'
# What ends without a reason has to have said something; what gives one may be empty.
MUTE = [
    ("openai", END, True),
    ("openai", CHUNK + CHUNK + END, True),
    ("openai", b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n' + END, True),
    ("openai", b'{"choices":[{"message":{"content":""}}]}', True),
    ("openai", b'{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}', False),
    ("openai", b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n' + END, False),
    ("openai", b'data: {"choices":[{"delta":{},"finish_reason":"content_filter"}]}\n\n' + END, False),
    ("openai", b'data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]}\n\n' + END, False),
    ("openai", b'data: {"choices":[{"delta":{"reasoning_content":"Hm"}}]}\n\n' + END, False),
    ("anthropic", b'data: {"type":"message_start"}\n\ndata: {"type":"message_stop"}\n\n', True),
    ("anthropic", b'{"type":"message","content":[]}', True),
    ("anthropic", b'{"type":"message","content":[],"stop_reason":"end_turn"}', False),
    ("anthropic", b'{"type":"message","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}', False),
    ("google", b'{"candidates":[{"content":{"parts":[{"text":""}]}}]}', True),
    ("google", b'{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}', False),
    ("google", b'{"candidates":[{"content":{},"finishReason":"STOP"}]}', False),
    ("ollama", b'{"done":true}\n', True),
    ("ollama", b'{"done":true}', True),
    ("ollama", b'{"message":{"content":""},"done":true,"done_reason":"stop"}\n', False),
    ("ollama", b'{"message":{"content":"x"},"done":true}\n', False),
]


@pytest.mark.parametrize(("wire", "body", "refused"), MUTE)
def test_replies_without_a_word(wire: str, body: bytes, refused: bool) -> None:
    if refused:
        with pytest.raises(errors.ProviderBadResponse, match="without a word"):
            decode(WIRES[wire].decoder(FULL), [body])
    else:
        assert len([event for event in decode(WIRES[wire].decoder(FULL), [body]) if isinstance(event, Finish)]) == 1


def test_counts_of_a_reply_without_a_word_are_kept() -> None:
    events: list[ProviderEvent] = []
    decoder = OPENAI.decoder(FULL)
    events += decoder.feed(COUNTS + END)
    with pytest.raises(errors.ProviderBadResponse):
        decoder.end()
    assert events == [Usage(7, 3)]


def test_usage_in_every_chunk_is_told_once() -> None:
    chunk = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":%s}],"usage":{"completion_tokens":%d}}\n\n'
    data = b"".join(chunk % (b"null", n) for n in range(1, 5)) + chunk % (b'"stop"', 5)
    assert decode(OPENAI.decoder(FULL), [data]) == [TextDelta("xxxxx"), Finish("stop"), Usage(None, 5)]


@pytest.mark.parametrize(
    ("told", "counted"), [(2**31 - 1, 2**31 - 1), (2**31, None), (9e15, None), (-1, None), (7.0, 7)]
)
def test_only_counts_that_can_be_kept_count(told: float, counted: int | None) -> None:
    assert count_of({"usage": {"tokens": told}}, "usage", "tokens") == counted
