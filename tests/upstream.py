"""A model provider on loopback that behaves as badly as it is told to. Raw sockets, its own thread and loop.

    with Upstream() as up: … base_url = up.url + "/v1" …      or:  python -m tests.upstream --port 0  (prints its port)

It speaks OpenAI (`[/v1]/chat/completions`, `[/v1]/models`), Anthropic (`/v1/messages`), Gemini (`/v1beta/models/…`) and
Ollama (`/api/chat`, `/api/tags`), streamed or not.
The model's name picks the behaviour; `#tag` after it names the request: `count:500:20#a` can be asked about as `a`.
Tokens follow each other MS milliseconds apart, or without a pause (`count`: 20).

    count:N[:MS]        "1 2 3 … N "                          text              the last user message, cut at random
    cut:N[:MS]          N tokens, then half a token          thinking[-tools]  reasoning first, then "done" (a call)
    stall               never a head                         tools[:N]         calls of weather({"city":"Oslo"}), 1 to 3
    stall-head          a head, then nothing                 status:CODE[:S]   an error, Retry-After S; quotes the key
    stall:N             N tokens, then silence               flaky:CODE:K[:S]  so, the first K times of that tag
    html  badjson       a 200 of HTML; a broken event        drop[:K]          hangs up unasked, the first K times
    error-in-stream:N   N tokens, then an error object       redirect          302 to /v1/models
    error-event:N       so, in an event named `error`, whose data is of no protocol's form
    no-final            no finish reason, no [DONE]          no-done[:hang]    a finish reason, no [DONE] (nor an end)
    usage-last          usage in the last non-empty chunk    hang              all of it, but the connection stays open
    bad-usage           the end, then unreadable counts      mute              an end without a reason, and no token
    bytewise            one byte at a time                   gzip              says Content-Encoding: gzip
    crlf  cr            lines that end so
    refuse:A[:B]        400 while the body holds field A, then B; otherwise as any other name
    huge-line[:MB]      MB (100) without a newline           flood[:MB]        MB (100) of tokens

Any other name answers "You said: " and the last user message, word by word. Tokens come with how likely they were where
that is asked for.

    GET /stats      {"requests": started so far, "open": connections now, "active": answers being sent}
    GET /sent/TAG   what was written for that tag's last request: {"text", "tokens", "finished", "left"}
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from urllib.parse import unquote

from tests.upstream_formats import FORMATS, Format, OpenAIFormat, dumps, protocol_of
from tests.upstream_replies import Served, key_of, last_user_message, names_field, tokens

FAILED_EVENT = b'event: error\ndata: {"message": "upstream exploded"}\n\n'
NEWLINES = {"crlf": b"\r\n", "cr": b"\r"}
MODELS = ("text", "count:10:0", "count:500:20", "thinking", "stall", "status:401")


class _Left(Exception):
    """The client has gone."""


class Upstream:
    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.requests = 0
        self.open_connections = 0
        self.accepted = 0
        self.active = 0
        self.served: list[Served] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="upstream", daemon=True)
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Upstream:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def sent(self, tag: str) -> Served | None:
        """The last request of that tag."""
        return next((served for served in reversed(self.served) if served.tag == tag), None)

    def wait(self, condition: Callable[[Upstream], object], seconds: float = 20.0) -> None:
        """Until `condition(self)` holds. Raises AssertionError."""
        deadline = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < deadline, "the upstream never came to that state"
            time.sleep(0.005)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=4096, limit=1 << 26)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        await asyncio.sleep(0)  # a connection of this moment begins
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what was cut is closed

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.open_connections += 1
        self.accepted += 1
        try:
            while await _Exchange(self, reader, writer).handle():
                pass
        except (_Left, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open_connections -= 1
            writer.close()
            try:
                await writer.wait_closed()
            except (OSError, asyncio.CancelledError):
                writer.transport.abort()


class _Exchange:
    """One request on a connection and its answer."""

    def __init__(self, up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.up, self.reader, self.writer = up, reader, writer
        self.chunked = False

    async def handle(self) -> bool:
        """Answer one request. True: the connection may carry another."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        raw = await self.reader.readexactly(int(headers.get("content-length", 0)))
        path = target.split("?")[0]
        if method == "GET":
            return await self._get(path)
        body = json.loads(raw)
        in_path = unquote(path.rpartition("/")[2].rpartition(":")[0])
        model, _, tag = str(body.get("model", in_path)).partition("#")
        self.up.requests += 1
        served = Served(tag or str(self.up.requests), path, model, headers, body)
        self.up.served.append(served)
        self.up.active += 1
        try:
            return await self._model(served)
        except (_Left, OSError):
            served.left = True
            raise
        finally:
            self.up.active -= 1

    async def _get(self, path: str) -> bool:
        if path == "/stats":
            up = self.up
            await self._whole(200, dumps({"requests": up.requests, "open": up.open_connections, "active": up.active}))
        elif path.startswith("/sent/"):
            served = self.up.sent(path.removeprefix("/sent/"))
            found = served and {n: getattr(served, n) for n in ("text", "tokens", "finished", "left")}
            await self._whole(200 if found else 404, dumps(found))
        elif path.endswith("/v1beta/models"):
            found = [{"name": f"models/{m}", "supportedGenerationMethods": ["generateContent"]} for m in MODELS]
            await self._whole(200, dumps({"models": found}))
        elif path.endswith("/models"):
            await self._whole(200, dumps({"object": "list", "data": [{"id": m, "object": "model"} for m in MODELS]}))
        elif path == "/api/tags":
            await self._whole(200, dumps({"models": [{"model": m, "name": m, "size": 1000} for m in MODELS]}))
        else:
            await self._whole(404, dumps({"error": "no such page"}))
        return True

    async def _model(self, served: Served) -> bool:
        name, *args = served.model.split(":")
        protocol = protocol_of(served.path)
        form: Format = FORMATS[protocol](served.model, NEWLINES.get(name, b"\n"))
        refused = next((field for field in args if names_field(served.body, field)), None) if name == "refuse" else None
        if refused:
            message = f"Unsupported parameter: '{refused}' is not supported with this model."
            await self._whole(400, form.error(400, message))
            return True
        same_tag = sum(1 for other in self.up.served if other.tag == served.tag)
        if name == "status" or (name == "flaky" and same_tag <= int(args[1])):
            wait = args[2:3] if name == "flaky" else args[1:2]
            message = f"refused with status {args[0]}; the key was {key_of(served.headers)}"
            await self._whole(int(args[0]), form.error(int(args[0]), message), *(f"Retry-After: {s}" for s in wait))
            return True
        if name == "redirect":
            await self._whole(302, b"", "Location: /v1/models")
            return True
        if name == "drop" and (not args or same_tag <= int(args[0])):
            return False
        if name == "stall":
            await (self._silence() if not args else asyncio.sleep(0))
        if name == "html":
            await self._whole(200, b"<!doctype html><html><body>Welcome to nginx</body></html>", kind="text/html")
            return True
        if ":stream" in served.path or served.body.get("stream", protocol == "ollama"):
            return await self._streamed(served, form, name, args)
        return await self._unstreamed(served, form, name, args)

    async def _unstreamed(self, served: Served, form: Format, name: str, args: list[str]) -> bool:
        async for token in self._tokens(served, name, args):
            served.tokens.append(token)
        whole = form.whole(served.text, 7, len(served.tokens))
        if name == "tools" and isinstance(form, OpenAIFormat):
            whole = form.called(7, 3)
        if name == "badjson":
            whole = b'{"choices": [oops]}'
        elif name in {"error-in-stream"}:
            whole = form.error(500, "upstream exploded")
        elif name in {"cut", "no-final"}:
            await self._head(200, "application/json", f"Content-Length: {len(whole)}")
            await self._send(whole[: len(whole) // 2])
            return False
        await self._whole(200, whole)
        served.finished = True
        return True

    async def _streamed(self, served: Served, form: Format, name: str, args: list[str]) -> bool:
        self.chunked = True
        extra = ("Content-Encoding: gzip",) if name == "gzip" else ()
        await self._head(200, form.content_type, "Transfer-Encoding: chunked", *extra)
        if name == "stall-head":
            await self._silence()
        asked_likely = any(names_field(served.body, field) for field in ("logprobs", "responseLogprobs"))
        if name in {"thinking", "thinking-tools"}:
            await self._send(form.thought("hmm, ") + form.thought("yes"))
        if name == "huge-line":
            for _ in range(int(args[0]) if args else 100):
                await self._send(b"data: x" * (1 << 20 >> 3))
        async for token in self._tokens(served, name, args):
            data = form.likely(token) if asked_likely else form.token(token)
            for piece in (data[i : i + 1] for i in range(len(data))) if name == "bytewise" else (data,):
                await self._send(piece)
            served.tokens.append(token)
        if name == "stall":
            await self._silence()
        if name == "cut":
            await self._send(form.token("never")[:20])
            return False
        if name == "badjson":
            await self._send(b'data: {"choices": [oops]}\n\n' if form.content_type[0] == "t" else b'{"oops"\n')
        if name == "error-in-stream":
            await self._send(form.failure())
        elif name == "error-event":
            await self._send(FAILED_EVENT if form.content_type == "text/event-stream" else form.failure())
        elif name in {"tools", "thinking-tools"}:
            await self._send(b"".join(form.tool_calls(int(args[0]) if args else 1)))
        if name == "bad-usage":
            await self._send(form.spoilt_finish())
        elif name == "mute":
            await self._send(form.mute_end())
        elif name not in {"no-final", "error-in-stream", "error-event", "badjson"}:
            count = len(served.tokens)
            await self._send(form.finish(7, count, usage_last=name == "usage-last", done=name != "no-done"))
        if "hang" in (name, *args):
            served.finished = True
            await self._silence()
        await self._send(b"")
        served.finished = True
        return True

    async def _tokens(self, served: Served, name: str, args: list[str]) -> AsyncIterator[str]:
        """The reply's tokens at their pace; sending and recording them is the caller's."""
        for pace, token in tokens(name, args, last_user_message(served.body)):
            await self._pause(pace)
            yield token

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self.reader.at_eof() or self.writer.transport.is_closing():
            raise _Left

    async def _silence(self) -> None:
        while True:
            await self._pause(0.01)

    async def _head(self, status: int, kind: str, *lines: str) -> None:
        head = (f"HTTP/1.1 {status} Test", f"Content-Type: {kind}", *lines, "", "")
        self.writer.write("\r\n".join(head).encode())
        await self.writer.drain()

    async def _whole(self, status: int, body: bytes, *lines: str, kind: str = "application/json") -> None:
        await self._head(status, kind, f"Content-Length: {len(body)}", *lines)
        self.writer.write(body)
        await self.writer.drain()

    async def _send(self, data: bytes) -> None:
        """More of the body; nothing ends a chunked one."""
        if self.writer.transport.is_closing():
            raise _Left
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)
        await self.writer.drain()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    with Upstream(parser.parse_args().port) as up:
        print(up.port, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
