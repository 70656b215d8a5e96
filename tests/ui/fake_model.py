"""The scripted model behind the fake API, and its replies' event streams."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MARKDOWN = """## Retrying with patience

Wait **longer each time**, and add *jitter* so that clients do not all come back at once.

```python
def retry(call, attempts=5, base=0.25):
    for n in range(attempts):
        try:
            return call()
        except ConnectionError:
            time.sleep(min(8, base * 2**n))
```

| Attempt | Base wait | With jitter |
|--------:|----------:|------------:|
| 1 | 0.25 s | 0.13 – 0.38 s |
| 2 | 0.50 s | 0.25 – 0.75 s |

The expected wait is \\(E[w_n] = b \\cdot 2^n\\), so that

\\[ \\sum_{n=0}^{N} b \\cdot 2^n = b\\,(2^{N+1} - 1) \\]

1. Retry only calls that may be repeated.
2. It costs $5 to $10 a month, about ~3 % more. ![a beacon](http://127.0.0.1:9/beacon.png)
"""


@dataclass
class Run:
    id: str
    chat_id: str
    message: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    stopped: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, name: str, **data: Any) -> None:
        with self.changed:
            self.events.append((name, data))
            if name == "delta":
                self.message["content"] += data["text"]
            self.changed.notify_all()


def write(run: Run, prompt: str) -> None:
    """The scripted model."""
    pieces, pause = script(prompt)
    run.add("started", generation_id=run.id)
    time.sleep(0.6 if "slow" in prompt else 0.05)
    if "reason" in prompt:
        for word in ["First", "the", "question,", "then", "what", "is", "known,", "then", "the", "answer."]:
            run.message["reasoning"] += word + " "
            run.add("reasoning", text=word + " ")
            time.sleep(0.05)
    for piece in pieces:
        if run.stopped:
            break
        run.add("delta", text=piece)
        time.sleep(pause)
    if "demo:fail" in prompt:
        problem = {"status": 502, "code": "provider_auth_failed", "detail": "The provider refused the key."}
        run.message |= {"status": "error", "metadata": {"error": problem}}
        run.add("error", problem=problem)
        return
    while "demo:stall" in prompt and not run.stopped:
        time.sleep(0.05)
    run.message["status"] = "stopped" if run.stopped else "complete"
    run.message["metadata"] = {"completion_tokens": len(pieces)}
    run.add("finished", status=run.message["status"])


def script(prompt: str) -> tuple[list[str], float]:
    if "demo:count" in prompt:
        return [f"{n} " for n in range(1, int(prompt.split("demo:count")[1].split(maxsplit=1)[0]) + 1)], 0.02
    if "demo:markdown" in prompt or "retries" in prompt:
        return [MARKDOWN[i : i + 8] for i in range(0, len(MARKDOWN), 8)], 0.01
    if "demo:fail" in prompt:
        return ["It begins well, "], 0.02
    return [word + " " for word in ("This is a demo reply to: " + prompt).split()], 0.03


def events(run: Run, after: int, cut_every: int) -> Iterator[str]:
    given = 0
    while True:
        with run.changed:
            while len(run.events) <= after:
                run.changed.wait(1.0)
            name, data = run.events[after]
        after += 1
        yield f"id: {after}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
        if name in {"finished", "error"}:
            return
        given += 1
        if cut_every and given >= cut_every:
            return
