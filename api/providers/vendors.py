"""Every vendor Parley knows, one row each. A new one that speaks a known wire is a row here and a golden file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from api.providers.fitting import Family

WireName = Literal["openai", "anthropic", "google", "ollama", "demo"]
Ability = Literal["chat", "reasoning", "tools", "vision", "images", "embeddings", "models", "pull"]
DEMO_URL: Final = "demo:///"


@dataclass(frozen=True, slots=True)
class Images:
    """How a vendor makes images: its usual `model`, the `response_format` that brings the bytes, how many `a_call`
    (None: as many as it is asked for), whether an answer `tells_cost`, and the model by which a key is tried out for
    nothing (`trial`)."""

    model: str | None = None
    answer_form: str | None = None
    a_call: int | None = None
    tells_cost: bool = False
    trial: str | None = None


@dataclass(frozen=True, slots=True)
class Vendor:
    """One row. `base_url` is the vendor's own address; None means that each configuration must bring one.

    Quirks are data: `tokens_field` limits the output; `stream_usage`: a stream is asked for its token counts; `names`:
    fields of the body that have another name here; `headers` go out with each request; `families` say what groups of
    models refuse or want besides. `key_prefix` is how keys begin, where they all do.
    """

    id: str
    title: str
    wire: WireName
    base_url: str | None
    needs_key: bool
    key_hint: str = ""
    key_prefix: str = ""
    url_hint: str = "http://host:8000/v1"
    default_model: str | None = None
    aliases: tuple[str, ...] = ()
    abilities: frozenset[Ability] = frozenset({"chat", "models"})
    takes_key: bool = True
    tokens_field: str = "max_tokens"
    stream_usage: bool = True
    names: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    families: tuple[Family, ...] = ()
    window: int | None = None
    details_path: str | None = None
    images: Images | None = None


_CHAT: Final[frozenset[Ability]] = frozenset({"chat", "reasoning", "tools", "vision", "models"})
_OPENAI_REASONING: Final = Family(r"o\d|gpt-(?:[5-9]|\d\d)(?!.*chat)", refuses=("temperature", "top_p", "stop"))
_CLAUDE_SINCE_4_7: Final = Family(
    r"claude-[a-z]+-(?:4-[7-9]|[5-9]|\d\d)(?!\d)",
    refuses=("temperature", "top_p"),
    adds={"thinking": {"type": "adaptive", "display": "summarized"}},
)
_CLAUDE_SINCE_5_5: Final = Family(r"claude-[a-z]+-(?:5-[5-9]|[6-9]|\d\d)(?!\d)", refuses=("tool_choice",))
_GEMINI_THINKING: Final = Family(
    r"(?:models/)?gemini-(?:2\.5|[3-9]|\d\d|flash|pro)(?!.*(?:image|tts|audio))",
    adds={"thinkingConfig": {"includeThoughts": True}},
)

VENDORS: Final = (
    Vendor(
        id="demo",
        title="Demo",
        wire="demo",
        base_url=DEMO_URL,
        needs_key=False,
        takes_key=False,
        default_model="demo",
        abilities=frozenset({"chat", "reasoning", "models"}),
    ),
    Vendor(
        id="openai",
        title="OpenAI",
        wire="openai",
        base_url="https://api.openai.com/v1",
        needs_key=True,
        key_hint="sk-…",
        key_prefix="sk-",
        default_model="gpt-4o",  # leaves the API on 2027-01-14; OpenAI then recommends gpt-6-luna
        aliases=("gpt", "chatgpt"),
        abilities=_CHAT | {"images", "embeddings"},
        tokens_field="max_completion_tokens",
        families=(_OPENAI_REASONING,),
        window=128_000,
        images=Images(model="gpt-image-2"),
    ),
    Vendor(
        id="anthropic",
        title="Anthropic",
        wire="anthropic",
        base_url="https://api.anthropic.com",
        needs_key=True,
        key_hint="sk-ant-…",
        key_prefix="sk-ant-",
        default_model="claude-sonnet-5-5",  # claude-sonnet-4-5 left the API on 2026-09-29
        aliases=("claude",),
        abilities=_CHAT,
        families=(_CLAUDE_SINCE_4_7, _CLAUDE_SINCE_5_5),
        window=200_000,
    ),
    Vendor(
        id="gemini",
        title="Google Gemini",
        wire="google",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        needs_key=True,
        key_hint="AIza… or AQ.…",
        default_model="gemini-3.8-flash",  # gemini-2.0-flash-exp was never more than a trial
        aliases=("google",),
        abilities=_CHAT | {"embeddings"},
        families=(_GEMINI_THINKING,),
        window=1_000_000,
    ),
    Vendor(
        id="qwen",
        title="Qwen (DashScope)",
        wire="openai",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        needs_key=True,
        key_hint="sk-… (keys of the China site need its base URL)",
        key_prefix="sk-",
        default_model="qwen-plus",  # qwen-max left the API on 2026-07-13
        aliases=("dashscope",),
        abilities=_CHAT | {"embeddings"},
    ),
    Vendor(
        id="huggingface",
        title="Hugging Face",
        wire="openai",
        base_url="https://router.huggingface.co/v1",
        needs_key=True,
        key_hint="hf_…",
        key_prefix="hf_",
        default_model="meta-llama/Llama-3.3-70B-Instruct",
        aliases=("hf",),
        abilities=_CHAT,
    ),
    Vendor(
        id="groq",
        title="Groq",
        wire="openai",
        base_url="https://api.groq.com/openai/v1",
        needs_key=True,
        key_hint="gsk_…",
        key_prefix="gsk_",
        default_model="openai/gpt-oss-120b",
        abilities=_CHAT,
        tokens_field="max_completion_tokens",
        window=131_072,
    ),
    Vendor(
        id="openrouter",
        title="OpenRouter",
        wire="openai",
        base_url="https://openrouter.ai/api/v1",
        needs_key=True,
        key_hint="sk-or-…",
        key_prefix="sk-or-",
        default_model="openrouter/auto",
        abilities=_CHAT,
        headers=(("X-Title", "Parley"),),
    ),
    Vendor(
        id="imagerouter",
        title="ImageRouter",
        wire="openai",
        base_url="https://api.imagerouter.io/v1/openai",
        needs_key=True,
        key_hint="from the ImageRouter dashboard",
        abilities=frozenset({"images", "models"}),
        images=Images(
            model="openai/gpt-image-2", answer_form="b64_ephemeral", a_call=1, tells_cost=True, trial="test/test"
        ),
    ),
    Vendor(
        id="mistral",
        title="Mistral",
        wire="openai",
        base_url="https://api.mistral.ai/v1",
        needs_key=True,
        key_hint="from the Mistral console",
        default_model="mistral-medium-latest",
        abilities=_CHAT | {"embeddings"},
        stream_usage=False,
        names=(("seed", "random_seed"),),
        window=128_000,
    ),
    Vendor(
        id="deepseek",
        title="DeepSeek",
        wire="openai",
        base_url="https://api.deepseek.com",
        needs_key=True,
        key_hint="sk-…",
        key_prefix="sk-",
        default_model="deepseek-flash",
        abilities=_CHAT,
        window=128_000,
    ),
    Vendor(
        id="litellm",
        title="LiteLLM proxy",
        wire="openai",
        base_url=None,
        needs_key=False,
        key_hint="sk-… where the proxy asks for one",
        url_hint="http://host:4000/v1",
        abilities=_CHAT | {"images", "embeddings"},
        details_path="/model/info",
        images=Images(),
    ),
    Vendor(
        id="custom",
        title="OpenAI-compatible server",
        wire="openai",
        base_url=None,
        needs_key=False,
        key_hint="where the server asks for one",
        aliases=("openai-compatible", "vllm", "lmstudio", "llamacpp"),
        abilities=_CHAT | {"images", "embeddings"},
        images=Images(answer_form="b64_json"),
    ),
    Vendor(
        id="ollama",
        title="Ollama",
        wire="ollama",
        base_url="http://127.0.0.1:11434",
        needs_key=False,
        key_hint="where a proxy asks for one",
        abilities=_CHAT | {"embeddings", "pull"},
        window=4_096,
    ),
)
