from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.errors import Invalid
from api.domain.prompts import BUILT_IN, VARIABLE, Variable, checked_slug, render, slug_of, variables

texts = st.text(max_size=200) | st.lists(st.sampled_from(["{", "}", "{{", "}}", "a", " ", ":", "=", "\n"])).map("".join)
LETTER = "Dear {{name}}, {{age: number = 30}} {{tone: choice(warm, dry) = dry}} {{when: date}} {{name}}"


def test_what_a_form_asks_for() -> None:
    assert variables(LETTER) == [
        Variable("name", "text", None),
        Variable("age", "number", "30"),
        Variable("tone", "choice", "dry", ("warm", "dry")),
        Variable("when", "date", None),
    ]


def test_defaults_fill_and_what_is_missing_stays() -> None:
    text, missing = render(LETTER, {"name": "Ann"})
    assert text == "Dear Ann, 30 dry {{when: date}} Ann"
    assert missing == ["when"]
    assert render(LETTER, {"name": "Ann", "when": "2026-01-31", "tone": "warm"}) == (
        "Dear Ann, 30 warm 2026-01-31 Ann",
        [],
    )


@pytest.mark.parametrize(
    "values", [{"age": "old"}, {"when": "31.1."}, {"when": "2026-02-30"}, {"tone": "x"}, {"no": "x"}]
)
def test_values_that_do_not_fit(values: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        render(LETTER, values)


@pytest.mark.parametrize(
    "text", ["{x}", "{{}}", "{{ }}", "{{1a}}", "{ {a} }", "{{a b}}", "f'{{{x}}}'"[:-3], "{{a:colour}}"]
)
def test_literal_braces_survive(text: str) -> None:
    assert render(text, {}) == (text, [])


@given(texts)
def test_text_without_a_variable_is_unchanged(text: str) -> None:
    if not VARIABLE.search(text):
        assert render(text, {})[0] == text


@given(texts, texts, texts)
def test_a_value_is_never_read_as_a_variable(before: str, value: str, after: str) -> None:
    safe = [re.sub(r"[{}]", "", part) for part in (before, after)]
    rendered, missing = render(f"{safe[0]}{{{{a}}}}{safe[1]}{{{{b=x}}}}", {"a": value + "{{b}}"})
    assert rendered == f"{safe[0]}{value}{{{{b}}}}{safe[1]}x"
    assert missing == []


@given(texts)
def test_every_name_has_a_slug(name: str) -> None:
    assert re.fullmatch(r"[^\W_]+(-[^\W_]+)*", slug_of(name))
    assert len(slug_of(name)) <= 80
    assert slug_of(slug_of(name)) == slug_of(name), "what names give can be given"


@pytest.mark.parametrize("name", ["x" * 79 + " y", "C#", "Größe & Maß", "日本語 の", "İstanbul", "🚀"])
def test_what_names_give_is_a_slug(name: str) -> None:
    assert checked_slug(slug_of(name)) == slug_of(name)


def test_built_in_prompts_are_three_with_fixed_ids() -> None:
    assert [prompt.slug for prompt in BUILT_IN] == ["basic", "code-assistant", "research-assistant"]
    assert len({prompt.id for prompt in BUILT_IN}) == 3
