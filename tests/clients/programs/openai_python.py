"""OpenAI's Python SDK: what it gets from the server that its argument names, as JSON."""

import json
import sys
from collections.abc import Callable

import openai

PLACE = json.loads(sys.argv[1])
HELLO = [{"role": "user", "content": "hello you"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": SCHEMA}}


def raised(call: Callable[[], object]) -> list[object]:
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code]
    return ["nothing"]


def main() -> dict[str, object]:
    client = openai.OpenAI(base_url=PLACE["url"], api_key=PLACE["key"], max_retries=0)
    create = client.chat.completions.create
    listed = [model.id for model in client.models.list()]
    said = create(model="openai/obliging", messages=HELLO)
    chunks = list(create(model="openai/obliging", messages=HELLO, stream=True, stream_options={"include_usage": True}))
    called = create(model="openai/obliging", messages=HELLO, tools=[TOOL])
    call = called.choices[0].message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "content": "rain"}
    after = create(model="openai/obliging", messages=[*HELLO, called.choices[0].message, result], tools=[TOOL])
    stranger = client.with_options(api_key="parley-nobody")
    spent = client.with_options(api_key=PLACE["spent"])
    return {
        "version": openai.__version__,
        "models": listed,
        "one": client.models.retrieve("openai/obliging").id,
        "said": said.choices[0].message.content,
        "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
        "usage": [said.usage.total_tokens, *[chunk.usage.total_tokens for chunk in chunks if chunk.usage]],
        "called": [called.choices[0].finish_reason, call.function.name, json.loads(call.function.arguments)],
        "after": after.choices[0].message.content,
        "errors": {
            "key": raised(lambda: stranger.chat.completions.create(model="openai/obliging", messages=HELLO)),
            "model": raised(lambda: create(model="nothing/here", messages=HELLO)),
            "limit": raised(lambda: spent.chat.completions.create(model="openai/obliging", messages=HELLO)),
            "request": raised(lambda: create(model="openai/obliging", messages=HELLO, temperature=9)),
        },
    }


print(json.dumps(main()))
