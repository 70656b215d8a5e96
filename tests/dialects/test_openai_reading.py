"""A completion request in any shape is read, or refused in words; and what was read can be sent on every wire."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.errors import AppError, Invalid
from api.domain.sealed import given_back
from api.providers.base import Endpoint
from api.web.completions import requests
from tests import hypothesis_profiles  # noqa: F401
from tests.providers.helpers import WIRES

TEXT = st.text(max_size=5) | st.sampled_from(["\ud800", "\0", "a\udc00b"])
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
ANY = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
WORDS = ("auto", "none", "required", "user", "assistant", "tool", "system", "text", "image_url", "function", "provider")
ODD = ANY | st.sampled_from([*WORDS, "json_schema", "json_object", "data:image/png;base64,AAAA", "anthropic", "m"])


def shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with some of these fields, each as it should be or as it should not."""
    return st.fixed_dictionaries({}, optional={name: ODD | value for name, value in fields.items()}) | ODD


FUNCTION = shaped(name=TEXT, arguments=TEXT, parameters=shaped(type=TEXT, properties=ANY), description=TEXT, strict=ANY)
SEALED = shaped(type=st.just("provider"), wire=st.just("anthropic"), model=st.just("m"), data=st.just('{"a":1}'))
EXTRA = shaped(parley=shaped(sealed=st.lists(SEALED, max_size=2)), google=shaped(thought_signature=TEXT))
CALL = shaped(id=TEXT, type=st.just("function"), function=FUNCTION, extra_content=EXTRA)
PART = shaped(type=st.sampled_from(["text", "image_url", "refusal"]), text=TEXT, image_url=shaped(url=ODD))
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool"]) | ODD},
    optional={
        "content": TEXT | st.lists(PART, max_size=3) | ODD,
        "tool_calls": st.lists(CALL, max_size=3) | ODD,
        "tool_call_id": ODD,
        "refusal": ODD,
    },
)
OBJECT = st.dictionaries(TEXT, ANY, max_size=2)
BODY = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGE, min_size=1, max_size=4)},
    optional={  # in the shapes that the schema lets through
        "tools": st.lists(shaped(type=st.just("function"), function=FUNCTION).filter(lambda it: isinstance(it, dict))),
        "tool_choice": TEXT | shaped(function=FUNCTION).filter(lambda it: isinstance(it, dict)),
        "response_format": shaped(type=ODD, json_schema=shaped(schema=OBJECT, name=ODD, strict=ODD)).filter(
            lambda it: isinstance(it, dict)
        ),
        "stop": TEXT | st.lists(TEXT, max_size=2),
        "seed": st.integers(-(2**63), 2**63),
        "logprobs": ODD,
        "top_logprobs": ODD,
        "presence_penalty": ODD,
        "frequency_penalty": ODD,
        "parallel_tool_calls": ODD,
        "reasoning_effort": ODD,
        "made_up": ODD,
    },
)


@pytest.mark.parametrize("wire", WIRES)
@given(body=BODY)
def test_any_request_is_read_or_refused(wire: str, body: dict[str, Any]) -> None:
    """Only Invalid is raised, and of what was read every wire makes a request."""
    try:
        request = requests.read(body)
    except Invalid:
        return
    request = dataclasses.replace(request, model="m")
    try:
        sent = WIRES[wire].encode(Endpoint(wire, "http://h", "key", True), request)
    except AppError:
        return
    assert sent.body


@given(ANY)
def test_whatever_is_given_back_is_a_part_or_nothing(value: Any) -> None:
    found = [value, {"type": "provider"}, {"type": "provider", "data": value, "wire": value}]
    assert len(given_back(found)) >= 2
