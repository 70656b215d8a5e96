"""The wires against golden files, and against bytes cut, mixed and broken anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain import errors
from api.domain.conversation import CompletionRequest, Turn
from api.domain.events import Finish, ProviderEvent, ReasoningDelta, TextDelta, ToolCall, Usage
from api.domain.text import clean_text
from api.providers.base import Decoder, Endpoint, Wire
from api.providers.framing import MAX_LINE_BYTES
from api.providers.wires.ollama import OllamaWire
from api.providers.wires.openai import MAX_BODY_BYTES, OpenAIWire
from tests import hypothesis_profiles  # noqa: F401
from tests.upstream_formats import Format, OllamaFormat, OpenAIFormat

GOLDEN = Path(__file__).parent.parent / "golden"
OPENAI = OpenAIWire(tokens_field="max_completion_tokens")
TURNS = (Turn("user", "Hi 👋"), Turn("assistant", "Hello!"), Turn("user", "介绍一下RUST"))
FULL = CompletionRequest("m", TURNS, "Be brief.", 0.2, 0.9, 64)
SHORT = CompletionRequest("local", (Turn("user", "Hi"),), max_tokens=5, stream=False)
WIRES: dict[str, tuple[Wire, type[OpenAIFormat] | type[OllamaFormat]]] = {
    "openai": (OPENAI, OpenAIFormat),
    "ollama": (OllamaWire(), OllamaFormat),
}

GOLDENS: dict[str, list[ProviderEvent]] = {
    "openai/plain.sse": [TextDelta("Hello 你好 🦀"), Finish("stop"), Usage(9, 4, 1, 2)],
    "openai/reasoning-openrouter.sse": [
        ReasoningDelta("Let me think."),
        TextDelta("42"),
        Finish("length"),
        Usage(5, 7),
    ],
    "openai/tools-deepseek.sse": [
        ReasoningDelta("Which city?"),
        ToolCall("call_1", "weather", '{"city": "Oslo"}'),
        ToolCall("call_2", "time", "{}"),
        Finish("tool_calls"),
        Usage(1, 2, None, 1),
    ],
    "openai/mistral-parts.sse": [ReasoningDelta("Hm."), TextDelta("A b"), Finish("filtered")],
    "openai/crlf-multiline.sse": [TextDelta("two lines"), Finish("stop")],
    "openai/surrogates.sse": [TextDelta("a😀b\ufffdc\ufffdd\ufffde\ufffd"), Finish("stop")],
    "openai/whole.json": [
        ReasoningDelta("Greet."),
        TextDelta("Hello."),
        ToolCall("call_9", "f", '{"a":1}'),
        Finish("stop"),
        Usage(3, 2),
    ],
    "ollama/plain.ndjson": [ReasoningDelta("Greet. "), TextDelta("Hello 你好"), Usage(26, 8), Finish("stop")],
    "ollama/tools.ndjson": [
        ToolCall("call_0", "weather", '{"city":"Oslo","days":2}'),
        ToolCall("call_1", "weather", '{"city":"Bergen"}'),
        Usage(5, 6),
        Finish("tool_calls"),
    ],
    "ollama/whole.json": [TextDelta("Hello."), Usage(4, 3), Finish("length")],
}


def decode(decoder: Decoder, pieces: Iterable[bytes]) -> list[ProviderEvent]:
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.end()


def joined(events: list[ProviderEvent]) -> list[ProviderEvent]:
    """Adjacent deltas as one: how they are cut depends on the reads."""
    out: list[ProviderEvent] = []
    for event in events:
        if isinstance(event, TextDelta | ReasoningDelta) and out and type(out[-1]) is type(event):
            out[-1] = type(event)(out[-1].text + event.text)  # type: ignore[union-attr]
        else:
            out.append(event)
    return out


def cut_at(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[a:b] for a, b in zip(edges, edges[1:], strict=False)]


def decoder_for(name: str) -> Decoder:
    return WIRES[name.split("/", maxsplit=1)[0]][0].decoder(FULL)


@pytest.mark.parametrize(
    ("file", "wire", "model", "request_"),
    [
        ("openai/request-stream.json", OPENAI, "gpt-4o-mini", FULL),
        ("openai/request-whole.json", OpenAIWire(), "local", SHORT),
        ("ollama/request-stream.json", OllamaWire(), "llama3.2", FULL),
        ("ollama/request-whole.json", OllamaWire(), "local", SHORT),
    ],
)
def test_what_we_send(file: str, wire: Wire, model: str, request_: CompletionRequest) -> None:
    provider = file.split("/", maxsplit=1)[0]
    request = CompletionRequest(model, *(getattr(request_, n) for n in list(request_.__slots__)[1:]))
    sent = wire.encode(Endpoint(provider, "http://host/base/", "sk-key", False), request)
    assert sent.body == (GOLDEN / file).read_bytes().strip()
    assert sent.url == "http://host/base/" + {"openai": "chat/completions", "ollama": "api/chat"}[provider]
    assert sent.headers["Authorization"] == "Bearer sk-key"
    assert (sent.method, sent.trusted) == ("POST", False)
    assert "sk-key" not in repr(sent)
    assert "Authorization" not in wire.encode(Endpoint(provider, "http://host", None, True), request).headers


@pytest.mark.parametrize("file", GOLDENS)
def test_what_we_read(file: str) -> None:
    data = (GOLDEN / file).read_bytes()
    assert decode(decoder_for(file), [data]) == GOLDENS[file]
    assert joined(decode(decoder_for(file), [data[i : i + 1] for i in range(len(data))])) == GOLDENS[file]
    assert joined(decode(decoder_for(file), [b"\xef\xbb\xbf"[: 3 * file.startswith("openai")] + data])) == GOLDENS[file]


@pytest.mark.parametrize("file", GOLDENS)
@given(cuts=st.lists(st.integers(0, 2500), max_size=30))
def test_cuts_change_nothing(file: str, cuts: list[int]) -> None:
    pieces = cut_at((GOLDEN / file).read_bytes(), cuts)
    assert joined(decode(decoder_for(file), pieces)) == GOLDENS[file]


@pytest.mark.parametrize("file", GOLDENS)
def test_every_truncation_is_whole_or_unavailable(file: str) -> None:
    data = (GOLDEN / file).read_bytes()
    for length in range(len(data)):
        events: list[ProviderEvent] = []
        decoder = decoder_for(file)
        try:
            events += decoder.feed(data[:length])
            events += decoder.end()
        except errors.ProviderUnavailable:
            assert not any(isinstance(event, Finish) for event in events), length
        else:
            assert any(isinstance(event, Finish) for event in events), length


@pytest.mark.parametrize(
    ("file", "error"),
    [("openai/error-in-stream.sse", errors.ProviderRateLimited), ("ollama/error.ndjson", errors.ProviderError)],
)
def test_text_before_an_error_in_the_same_bytes_is_not_lost(file: str, error: type[errors.ProviderError]) -> None:
    decoder = decoder_for(file)
    assert decoder.feed((GOLDEN / file).read_bytes()) == [TextDelta("Some ")]
    assert decoder.done
    with pytest.raises(error):
        decoder.end()


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
    + [b'{"message":{"content":"x"},"done":false}', b'{"error":[[]]}', b'{"choices":[],"usage":{"prompt_tokens":-1}}']
)


@pytest.mark.parametrize("wire", WIRES)
@given(
    data=st.one_of(st.binary(max_size=300), st.lists(pieces_of_protocol, max_size=30).map(b"".join)),
    cuts=st.lists(st.integers(0, 300), max_size=6),
)
def test_any_bytes_make_events_or_a_provider_error(wire: str, data: bytes, cuts: list[int]) -> None:
    decoder = WIRES[wire][0].decoder(FULL)
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
    form: Format = WIRES[wire][1]("m")
    units = text.encode("utf-16-le", "surrogatepass")
    data = b""
    for size in sizes * (len(units) + 1):
        piece, units = units[: 2 * size], units[2 * size :]
        if piece:
            data += form.token(piece.decode("utf-16-le", "surrogatepass"))
    events = decode(WIRES[wire][0].decoder(FULL), cut_at(data + form.finish(1, 1), cuts))
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == clean_text(text)


@pytest.mark.parametrize("wire", WIRES)
def test_raw_utf8_and_broken_utf8(wire: str) -> None:
    form: Format = WIRES[wire][1]("m")
    data = form.token("PLACE").replace(b"PLACE", "né\u2028🦀".encode() + b"\xff\xed\xa0\x80!") + form.finish(1, 1)
    events = decode(WIRES[wire][0].decoder(FULL), [data])
    assert events[0] == TextDelta("né\u2028🦀" + "\ufffd" * 4 + "!")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("size", [1000, 65536])
def test_a_line_without_end_is_refused_early(wire: str, size: int) -> None:
    decoder = WIRES[wire][0].decoder(FULL)
    fed = 0
    with pytest.raises(errors.ProviderBadResponse):
        while fed < 100 * 1024 * 1024:
            decoder.feed(b"data: xx"[:8] * (size // 8))
            fed += size
    assert fed <= MAX_LINE_BYTES + size


def test_endless_data_lines_and_bodies_are_refused_early() -> None:
    for start, more, limit in [
        (b"", b"data: " + b"x" * 9000 + b"\n", MAX_LINE_BYTES),
        (b"{", b" " * 9000, MAX_BODY_BYTES),
    ]:
        decoder = OPENAI.decoder(FULL)
        decoder.feed(start)
        with pytest.raises(errors.ProviderBadResponse):
            for _ in range(2 * limit // 9000):
                decoder.feed(more)


def test_tool_calls_are_capped() -> None:
    piece = json.dumps(
        {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "x" * 90_000}}]}}]}
    )
    decoder = OPENAI.decoder(FULL)
    with pytest.raises(errors.ProviderBadResponse, match="tool calls"):
        for _ in range(100):
            decoder.feed(b"data: " + piece.encode() + b"\n\n")


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("depth", [500, 200_000])
def test_deep_nesting_is_an_error_and_no_crash(wire: str, depth: int) -> None:
    prefix = b"data: " if wire == "openai" else b""
    for key in (b"x", b"error", b"usage", b"choices"):
        decoder = WIRES[wire][0].decoder(FULL)
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


def test_usage_in_every_chunk_is_told_once() -> None:
    chunk = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":%s}],"usage":{"completion_tokens":%d}}\n\n'
    data = b"".join(chunk % (b"null", n) for n in range(1, 5)) + chunk % (b'"stop"', 5)
    assert decode(OPENAI.decoder(FULL), [data]) == [TextDelta("xxxxx"), Finish("stop"), Usage(None, 5)]
