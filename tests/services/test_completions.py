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
