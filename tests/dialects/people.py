"""Accounts as the dialects' tests need them."""

from __future__ import annotations

from tests.server import Person


def with_vectors(person: Person) -> Person:
    """The person, with OpenAI's models and a config whose model makes embeddings."""
    person.openai()
    values = {"name": "vectors", "provider": "mistral", "api_key": "key-0123456789abcdef", "model": "mistral-embed"}
    assert person.call("POST", "/model-configs", values).status == 201
    return person
