"""LangChain's client for OpenAI's API: what it gets from the server that its argument names, as JSON."""

import json
import sys
from collections.abc import Callable

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

PLACE = json.loads(sys.argv[1])


@tool
def weather(city: str) -> str:
    """The weather"""
    return f"rain in {city}"


def model_of(name: str = "openai/obliging", key: str = PLACE["key"], **options: object) -> ChatOpenAI:
    return ChatOpenAI(model=name, base_url=PLACE["url"], api_key=key, max_retries=0, **options)


def raised(call: Callable[[], object]) -> list[object]:
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code]
    return ["nothing"]


def main() -> dict[str, object]:
    model = model_of(stream_usage=True)
    said = model.invoke("hello you")
    chunks = list(model.stream("hello you"))
    asked = HumanMessage("hello you")
    with_tool = model.bind_tools([weather])
    called = with_tool.invoke([asked])
    (call,) = called.tool_calls
    after = with_tool.invoke([asked, called, ToolMessage("rain", tool_call_id=call["id"])])
    return {
        "models": [found.id for found in model.root_client.models.list()],
        "one": model.root_client.models.retrieve("openai/obliging").id,
        "said": said.content,
        "streamed": "".join(chunk.content for chunk in chunks),
        "usage": [part.usage_metadata["total_tokens"] for part in (said, *chunks) if part.usage_metadata],
        "called": [called.response_metadata["finish_reason"], call["name"], call["args"]],
        "after": after.content,
        "errors": {
            "key": raised(lambda: model_of(key="parley-nobody").invoke("hello")),
            "model": raised(lambda: model_of("nothing/here").invoke("hello")),
            "limit": raised(lambda: model_of(key=PLACE["spent"]).invoke("hello")),
            "request": raised(lambda: model_of(temperature=9).invoke("hello")),
        },
    }


print(json.dumps(main()))
