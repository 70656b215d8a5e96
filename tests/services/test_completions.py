"""Completions without a chat, of which nothing is stored but what the ledger says."""

from __future__ import annotations

from typing import Any

from api.domain.conversation import CompletionRequest
from api.domain.errors import Invalid
from api.services.completions import CompletionDraft
from tests.server import until
from tests.services.whole import Whole


def test_who_reads_a_refused_one_after_its_end_is_told_the_same(whole: Whole) -> None:
    def read() -> CompletionRequest:
        raise Invalid("A role is one of these.")

    said: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
    draft = CompletionDraft("demo/demo", said, read, stream=True, size=5, surface="openai")
    begun = whole.services.completions.begin(whole.ann, draft)
    generations = whole.services.generations
    until(lambda: not generations.get(whole.ann, str(begun.generation_id)).active)
    until(lambda: not generations.running)
    follower = generations.follow_new(whole.ann, begun.generation_id)
    kind, problem = follower.cursor.take()[-1][1:]
    assert kind == "error"
    assert problem == Invalid("A role is one of these.").problem()


def test_who_follows_one_that_runs_hears_of_its_end_alone_and_under_the_same_numbers(whole: Whole) -> None:
    whole.config(whole.ann)
    model = "openai/count:20:40"
    said: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "go"}], "stream": True}

    def read() -> CompletionRequest:
        raise AssertionError("a provider of the same protocol is sent what the client said")

    draft = CompletionDraft(model, said, read, stream=True, size=2, surface="openai")
    begun = whole.services.completions.begin(whole.ann, draft)
    generations = whole.services.generations
    own = generations.follow_new(whole.ann, begun.generation_id)
    until(lambda: any(kind == "chunk" for kind, _ in own.cursor.log.events))
    live = generations.follow(whole.ann, str(begun.generation_id))
    resumed = generations.follow(whole.ann, str(begun.generation_id), 1)
    braided = generations.follow_all(whole.ann, {begun.generation_id: 0})
    assert generations.get(whole.ann, str(begun.generation_id)).active
    for follower in (live, resumed, braided):
        until(lambda follower=follower: follower.cursor.log.closed)
    later = generations.follow(whole.ann, str(begun.generation_id))
    told = [(number, kind) for number, kind, _ in later.cursor.take_all()]
    assert told == [(1, "started"), (2, "finished")]
    assert [(number, kind) for number, kind, _ in live.cursor.take_all()] == told
    assert [(number, kind) for number, kind, _ in resumed.cursor.take_all()] == told[1:]
    assert [kind for _, kind, _ in braided.cursor.take_all()] == ["started", "finished"]
    for follower in (own, live, resumed, braided, later):
        follower.close()
