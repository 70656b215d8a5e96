"""What the page says about each provider: its icon, what it is, what its form asks for. Only words: the API decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KEY_ICON, SERVER_ICON = ":material/key:", ":material/dns:"


@dataclass(frozen=True)
class Kind:
    about: str
    key: Literal["needed", "optional", "none"] = "needed"
    key_hint: str = ""
    url_hint: str = ""  # set where the provider has no address of its own: then the form asks for it
    icon: str = KEY_ICON


KINDS = {
    "demo": Kind("Built in: repeats what you say, without a network.", key="none", icon=":material/smart_toy:"),
    "ollama": Kind(
        "Free models on a machine of your own.",
        key="none",
        url_hint="http://127.0.0.1:11434",
        icon=":material/computer:",
    ),
    "openai": Kind("GPT models, images and embeddings.", key_hint="sk-…"),
    "anthropic": Kind("Claude models.", key_hint="sk-ant-…"),
    "gemini": Kind("Google's Gemini models.", key_hint="AIza…"),
    "qwen": Kind("Alibaba's Qwen models, by DashScope.", key_hint="sk-…"),
    "huggingface": Kind("Open models, by Hugging Face's router.", key_hint="hf_…"),
    "groq": Kind("Open models, very fast.", key_hint="gsk_…"),
    "openrouter": Kind("Hundreds of models with one key.", key_hint="sk-or-…"),
    "imagerouter": Kind("Image models with one key."),
    "mistral": Kind("Mistral's models."),
    "deepseek": Kind("DeepSeek's models.", key_hint="sk-…"),
    "litellm": Kind("A LiteLLM proxy of your own.", key="optional", url_hint="http://host:4000/v1", icon=SERVER_ICON),
    "custom": Kind(
        "vLLM, LM Studio, llama.cpp and every other server of that kind.",
        key="optional",
        url_hint="https://models.example.com/v1",
        icon=SERVER_ICON,
    ),
}


def kind_of(provider: str) -> Kind:
    return KINDS.get(provider, Kind("", key="optional"))
