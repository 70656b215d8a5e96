"""Whatever a provider does: a typed ending, what had arrived is stored, words that help, and the next message works.

All cases run at once, each as a stream and as a wait for JSON, on one server with short provider time-outs.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import canary
from tests.server import Event, Person, Server, running_server, until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("faults")
KEY = canary.KEY
ADVICE = re.compile(r"\b(Check|Try|try|Wait|Choose|choose|check|Set|Shorten|Rephrase|Send)\b")
MIB = 1 << 20
ECHO = "You said: go "


@dataclass(frozen=True)
class Case:
    """What must come of a behaviour of the upstream (see tests/upstream.py)."""

    model: str
    text: str
    code: str | None = None
    status: str = "error"
    finish: str | None = None
    usage: tuple[int, int] | None = None
    kinds: set[str] = field(default_factory=lambda: {"delta"})


def fails(model: str, code: str, text: str = "") -> Case:
    return Case(model, text, code)


def ends(model: str, text: str, **more: Any) -> Case:
    return Case(model, text, status="complete", finish="stop", **more)


CASES = [
    fails("cut:5", "provider_unavailable", "1 2 3 4 5 "),
    fails("stall", "provider_timeout"),
    fails("stall-head", "provider_timeout", ECHO[:0]),
    fails("stall:3", "provider_timeout", "1 2 3 "),
    fails("status:400", "provider_refused"),
    fails("status:401", "provider_auth_failed"),
    fails("status:403", "provider_auth_failed"),
    fails("status:404", "model_not_found"),
    fails("status:429:30", "provider_rate_limited"),
    fails("status:418", "provider_error"),
    fails("status:422", "provider_refused"),
    fails("status:500", "provider_unavailable"),
    fails("status:503", "provider_unavailable"),
    fails("html", "provider_bad_response"),
    fails("badjson", "provider_bad_response", ECHO),
    fails("error-in-stream:4", "provider_unavailable", "1 2 3 4 "),
    fails("error-event:4", "provider_error", "1 2 3 4 "),
    fails("no-final", "provider_unavailable", ECHO),
    fails("mute", "provider_bad_response"),
    fails("huge-line:12", "provider_bad_response"),
    fails("redirect", "provider_bad_response"),
    fails("gzip", "provider_bad_response"),
    fails("drop", "provider_unavailable"),
    ends("drop:1", ECHO),
    ends("flaky:503:1", ECHO),
    ends("no-done", ECHO),
    ends("no-done:hang", ECHO, usage=(7, 3)),
    ends("count:0:0", "", usage=(7, 0), kinds=set()),
    ends("usage-last", ECHO, usage=(7, 3)),
    ends("bad-usage", ECHO),
    ends("bytewise", ECHO, usage=(7, 3)),
    ends("crlf", ECHO, usage=(7, 3)),
    ends("cr", ECHO, usage=(7, 3)),
    ends("hang", ECHO, usage=(7, 3)),
    ends("thinking", ECHO, kinds={"delta", "reasoning"}),
    ends("count:300:0", "".join(f"{n} " for n in range(1, 301)), usage=(7, 300)),
    Case("tools", ECHO, status="complete", finish="tool_calls", kinds={"delta", "tool_call"}),
    Case("flood:2", "x" * 1_000_000, status="length"),
]


@dataclass
class Told:
    """What one case came to."""

    events: list[Event]
    answer: dict[str, Any]
    chats: tuple[str, str]
    afterwards: list[str]
    stored: list[dict[str, Any]]
    generation: dict[str, Any]


class Trial:
    """A server, and every case on its way."""

    def __init__(self, server: Server, person: Person) -> None:
        self.server = server
        self.person = person
        self.memory = memory(server)
        self._pool = ThreadPoolExecutor(len(CASES) * 2)
        self._numbers = itertools.count()
        self._running = {case.model: self._pool.submit(self._try, case) for case in CASES}

    def told(self, case: Case) -> Told:
        return self._running[case.model].result()

    def finish(self) -> list[Future[Told]]:
        self._pool.shutdown()
        return list(self._running.values())

    def _try(self, case: Case) -> Told:
        waited = self._pool.submit(self._wait, case)
        chat = self.person.chat()
        with self.person.stream(chat, "go", model=self._name(case)) as stream:
            assert stream.status == 200
            events = list(stream)
        stored = self.person.messages(chat)
        generation = self.person.generation(events[0][2]["generation_id"])
        chats = (chat, waited.result()[0])
        return Told(events, waited.result()[1], chats, [self._next(each) for each in chats], stored, generation)

    def _wait(self, case: Case) -> tuple[str, dict[str, Any]]:
        chat = self.person.chat()
        answer = self.person.call(
            "POST", f"/chats/{chat}/messages", {"content": "go", "model": self._name(case)}, timeout=120
        )
        assert answer.status == 201, answer.body
        return chat, answer.json

    def _next(self, chat: str) -> str:
        """The next message in that chat."""
        body = {"content": "again", "model": "openai/count:2:0"}
        answer = self.person.call("POST", f"/chats/{chat}/messages", body, timeout=120)
        return str(answer.json["message"]["content"])

    def _name(self, case: Case) -> str:
        return f"openai/{case.model}#{next(self._numbers)}"


def memory(server: Server) -> int:
    (pid,) = server.workers()
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) * 1024


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    folder = tmp_path_factory.mktemp("faults")
    seconds = {f"PROVIDER_{phase}_TIMEOUT": "5" for phase in ("FIRST", "BETWEEN")}
    with (
        Upstream() as upstream,
        running_server(
            f"sqlite:///{folder}/parley.db", folder, OPENAI_BASE_URL=f"{upstream.url}/v1", **seconds
        ) as server,
    ):
        person = server.person()
        person.openai()
        trial = Trial(server, person)
        yield trial
        trial.finish()


@pytest.fixture(params=CASES, ids=[case.model for case in CASES])
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def test_the_stream_ends_typed(trial: Trial, case: Case) -> None:
    events = trial.told(case).events
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    kinds = [kind for _, kind, _ in events]
    assert kinds[0] == "started"
    assert kinds[-1] == ("error" if case.code else "finished")
    assert not {"error", "finished"} & set(kinds[:-1]), "exactly one ending"
    assert set(kinds[1:-2]) <= case.kinds
    text = "".join(value["text"] for _, kind, value in events if kind == "delta")
    assert (len(text), text[-100:]) == (len(case.text), case.text[-100:])
    ending = events[-1][2]
    if case.code:
        assert ending["problem"]["code"] == case.code
        assert ending["problem"]["status"] >= 400
    else:
        assert (ending["status"], ending["finish_reason"]) == (case.status, case.finish)


def test_json_says_the_same(trial: Trial, case: Case) -> None:
    answer = trial.told(case).answer
    assert answer["generation"]["status"] == case.status
    message = answer["message"]
    assert message["status"] == case.status
    assert message["content"] == case.text
    assert message["metadata"].get("error", {}).get("code") == case.code


def test_what_had_arrived_is_stored(trial: Trial, case: Case) -> None:
    told = trial.told(case)
    question, reply = told.stored
    assert question["content"] == "go"
    assert (reply["status"], reply["content"]) == (case.status, case.text)
    assert reply["metadata"].get("error", {}).get("code") == case.code
    assert told.generation["status"] == case.status
    assert told.generation["error_code"] == case.code
    assert told.generation["finished_at"]
    counted = (told.generation["prompt_tokens"], told.generation["completion_tokens"])
    if case.usage:
        assert counted == case.usage
        assert not told.generation["estimated"]
    else:
        unknown = case.code is not None and not case.text
        assert counted == (None, None) if unknown else counted[0] > 0, "what brought something is estimated at least"


def test_the_words_help(trial: Trial, case: Case) -> None:
    told = trial.told(case)
    if case.code is None:
        return
    detail = told.events[-1][2]["problem"]["detail"]
    assert ADVICE.search(detail), f"what to do? {detail}"
    assert detail == told.stored[1]["metadata"]["error"]["detail"] == told.generation["error_detail"]
    assert len(detail) < 1000
    assert told.answer["message"]["metadata"]["error"]["detail"] == detail


def test_what_the_provider_said_is_told(trial: Trial) -> None:
    for model in ("error-in-stream:4", "error-event:4"):
        told = trial.told(next(case for case in CASES if case.model == model))
        assert "upstream exploded" in told.events[-1][2]["problem"]["detail"]


def test_a_refused_request_says_why(trial: Trial) -> None:
    for model in ("status:400", "status:422"):
        problem = trial.told(next(case for case in CASES if case.model == model)).events[-1][2]["problem"]
        assert problem["status"] == 400
        assert f"The provider said: refused with status {model[-3:]}" in problem["detail"]


def test_a_reply_without_a_word_has_a_note(trial: Trial) -> None:
    """A reason was given for its end: it is complete, and whoever waits is told that nothing will come."""
    told = trial.told(next(case for case in CASES if case.model == "count:0:0"))
    for message in (told.stored[1], told.answer["message"], told.events[-1][2]["message"]):
        assert ["without writing anything" in note for note in message["metadata"]["provider"]] == [True]
    other = trial.told(next(case for case in CASES if case.model == "count:300:0"))
    assert "provider" not in other.stored[1]["metadata"]


def test_no_word_of_the_key(trial: Trial, case: Case) -> None:
    told = trial.told(case)
    assert KEY not in repr(told)


def test_the_next_message_works(trial: Trial, case: Case) -> None:
    assert trial.told(case).afterwards == ["1 2 ", "1 2 "]


def test_the_server_is_as_it_was(trial: Trial) -> None:
    for case in CASES:
        trial.told(case)
    assert KEY not in trial.server.log_path.read_text(errors="replace")
    metrics = trial.person.call("GET", "/metrics").body.decode()
    assert "parley_replies_running 0.0" in metrics
    until(lambda: "parley_streams_open 0.0" in trial.person.call("GET", "/metrics").body.decode())
    assert memory(trial.server) - trial.memory < 150 * MIB


@pytest.mark.parametrize("model", ["huge-line:100", "flood:40"])
def test_memory_stays_bounded(trial: Trial, model: str) -> None:
    """A hundred megabytes without a newline, or of text: the server holds its caps and no more."""
    for case in CASES:
        trial.told(case)
    person = trial.person
    before = memory(trial.server)
    with person.stream(person.chat(), "go", model=f"openai/{model}") as stream:
        last = list(stream)[-1]
    assert last[1] == ("error" if model.startswith("huge") else "finished")
    assert memory(trial.server) - before < 40 * MIB
    assert person.call("GET", "/health").status == 200
