"""Settings: every variable, its type, default and one line of help. The only reader of the environment.

Precedence, highest first: the environment, the YAML file named by `CONFIG_FILE`, `DATA_DIR/secrets.env`
(development only, made once, mode 0600), the default. Every `*_FILE` variable names a file that holds the value.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from api import secrets_file
from api.secrets_file import SECRETS, is_weak


class ConfigError(Exception):
    """A setting that must be put right before the start; one line for a person."""


def _comma_list(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]


class DeclaredModel(BaseModel):
    """A model that the operator declares for everybody."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(min_length=1, max_length=100)
    provider: str = Field(max_length=40)
    base_url: str | None = Field(None, max_length=500)
    model: str | None = Field(None, max_length=200)
    system_prompt: str | None = Field(None, max_length=100_000)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1, le=32_000)


def _models(value: object) -> object:
    entries = json.loads(value) if isinstance(value, str) and value.strip() else value or ()
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and "api_key" in entry:
            raise ValueError("must hold no keys: people enter them on the page, where they are encrypted")
    return entries


class Settings(BaseSettings):
    """One immutable value for the whole process."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False, hide_input_in_errors=True)

    # Where and how it runs
    parley_env: Literal["development", "production"] = Field(
        "development",
        description="`production` makes no secrets of its own, and asks the first account for a set-up code.",
    )
    api_host: str = Field("127.0.0.1", description="Address the API listens on.")
    api_port: int = Field(8000, ge=1, le=65535, description="Port of the API.")
    ui_port: int = Field(8501, ge=1, le=65535, description="Port of the page (`make run`).")
    api_url: str = Field("", description="The API as the page reaches it; empty: `http://127.0.0.1:API_PORT`.")
    public_url: str = Field(
        "", description="The page's address: https:// keeps its cookie to HTTPS. Where set, `doctor` wants production."
    )
    data_dir: Path = Field(Path("data"), description="Folder of the SQLite file, files, backups, secrets and locks.")
    config_file: str = Field("", description="A YAML file with any of these settings; the environment wins.")
    web_concurrency: int = Field(1, ge=1, le=64, description="API processes; more than one needs PostgreSQL.")
    threads: int = Field(24, ge=4, le=512, description="Request threads a process; open streams need none.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")
    log_format: Literal["json", "text"] = Field("json", description="Form of the log lines on stderr.")

    # Database
    database_url: str = Field("", description="PostgreSQL or SQLite URL; empty: SQLite in DATA_DIR, or DB_*.")
    db_host: str = Field("", description="PostgreSQL host, when DATABASE_URL is empty.")
    db_port: int = Field(5432, ge=1, le=65535, description="PostgreSQL port, with DB_HOST.")
    db_name: str = Field("parley", description="PostgreSQL database, with DB_HOST.")
    db_user: str = Field("parley", description="PostgreSQL user, with DB_HOST.")
    db_password: SecretStr = Field(SecretStr(""), description="PostgreSQL password, with DB_HOST.")
    db_pool_size: int = Field(10, ge=1, le=200, description="Database connections a process keeps at most.")

    # Secrets
    jwt_secret: SecretStr = Field(SecretStr(""), description="Signs access tokens; at least 32 characters.")
    encryption_key: SecretStr = Field(
        SecretStr(""), description="64 hex characters; a comma list when rotating, newest first."
    )
    token_pepper: SecretStr = Field(SecretStr(""), description="Keys the HMAC of API keys and handles; >= 32.")
    page_secret: SecretStr = Field(SecretStr(""), description="Shared by the API and the page; >= 32 characters.")
    api_key: SecretStr = Field(SecretStr(""), description="Registered at start as a key of the account `bootstrap`.")

    # Accounts and sessions
    registration: Literal["open", "closed"] = Field("open", description="Whether people may register themselves.")
    access_token_minutes: int = Field(10, ge=1, le=1440, description="Life of an access token, in minutes.")
    client_token_hours: int = Field(
        24, ge=1, le=720, description="Life of the token of an older client, which cannot refresh it, in hours."
    )
    refresh_token_days: int = Field(30, ge=1, le=365, description="Life of an unused session, in days.")
    login_limit: int = Field(10, ge=1, description="Attempts to sign in (account, address) or register in 5 minutes.")
    trusted_proxies: int = Field(0, ge=0, le=10, description="Proxies in front whose X-Forwarded-For, -Proto count.")
    cors_origins: CommaList = Field((), description="Exact origins of other pages that may call the API.")

    # Limits
    rate_limit_per_hour: int = Field(
        1000, ge=1, description="Writes and provider calls a user and hour; reads have ten times that."
    )
    generation_limit_per_hour: int = Field(100, ge=1, description="Generations a user and hour.")
    max_streams: int = Field(1000, ge=1, description="Open event streams, and running replies, a process; beyond: 503.")
    max_body_bytes: int = Field(10_485_760, ge=1024, description="Largest request body but for files, in bytes.")
    max_message_chars: int = Field(100_000, ge=1, description="Longest message, in characters.")
    max_import_bytes: int = Field(1_073_741_824, ge=1024, description="Largest file that is imported, in bytes.")
    import_unpacked_bytes: int = Field(
        8_589_934_592, ge=1024, description="What a zip that is imported may hold unpacked, in bytes."
    )
    import_chat_bytes: int = Field(
        20_000_000, ge=1024, description="Largest chat of an imported file, in bytes of JSON; it is read in memory."
    )
    max_image_bytes: int = Field(20_971_520, ge=1024, description="Largest image kept that a model made, in bytes.")
    max_reply_chars: int = Field(1_000_000, ge=1000, description="Longest reply kept; it ends as `length` there.")

    max_attachment_bytes: int = Field(
        10_485_760, ge=1024, le=1_073_741_824, description="Largest file that goes with a message, in bytes."
    )
    max_attachment_chars: int = Field(
        200_000, ge=1000, le=10_000_000, description="Text of a file, and of a message's files in all, in characters."
    )
    max_message_attachments: int = Field(10, ge=1, le=100, description="Files of one message.")
    max_account_attachment_bytes: int = Field(
        1_073_741_824, ge=1024, description="Bytes of all files of an account; equal files count once."
    )

    # Streams
    store_patience: float = Field(
        30.0, gt=0, le=3600, description="Seconds that running replies wait for a database that is away; then they end."
    )
    drain_seconds: float = Field(
        20.0, ge=0, le=600, description="Seconds that running replies get at SIGTERM; from 35 on, see operations.md."
    )
    stream_write_timeout: float = Field(30.0, gt=0, description="Seconds a reader may stop reading.")
    provider_connect_timeout: float = Field(10.0, gt=0, description="Seconds to connect to a provider.")
    provider_first_timeout: float = Field(120.0, gt=0, description="Seconds to a provider's first byte.")
    provider_between_timeout: float = Field(120.0, gt=0, description="Seconds between a provider's bytes.")
    image_timeout: float = Field(300.0, gt=0, description="Seconds of a whole call that makes images.")
    image_reserve_dollars: Decimal = Field(
        Decimal("0.25"),
        gt=0,
        le=100,
        description="Put aside on money budgets for an image whose provider says only afterwards what it charged.",
    )
    provider_total_timeout: float = Field(1800.0, gt=0, description="Seconds of a whole provider call.")

    # Providers
    system_prompt: str = Field("", description="What models are told first where nothing else says it.")
    public_models: bool = Field(
        False, description="Name the models that are shared with everybody to clients that have not signed in."
    )
    default_model: str = Field("", description="Model used where nothing else names one, as `provider/model`.")
    title_model: str = Field(
        "", description="Model that titles chats where their owner wants it, as `provider/model`; empty: what answered."
    )
    model_configs: Annotated[tuple[DeclaredModel, ...], NoDecode, BeforeValidator(_models)] = Field(
        (), description="Models for everybody, without keys: a list in CONFIG_FILE, or JSON."
    )
    openai_base_url: str = Field("", description="Where the vendor `openai` is reached; trusted.")
    anthropic_base_url: str = Field("", description="Where Anthropic is reached; trusted.")
    gemini_base_url: str = Field("", description="Where Gemini is reached; trusted.")
    qwen_base_url: str = Field("", description="Where Qwen (DashScope) is reached; trusted.")
    huggingface_base_url: str = Field("", description="Where the Hugging Face router is reached; trusted.")
    groq_base_url: str = Field("", description="Where Groq is reached; trusted.")
    openrouter_base_url: str = Field("", description="Where OpenRouter is reached; trusted.")
    imagerouter_base_url: str = Field("", description="Where ImageRouter is reached; trusted.")
    mistral_base_url: str = Field("", description="Where Mistral is reached; trusted.")
    deepseek_base_url: str = Field("", description="Where DeepSeek is reached; trusted.")
    litellm_base_url: str = Field("", description="Where a running LiteLLM proxy is reached; trusted.")
    custom_base_url: str = Field("", description="Where the vendor `custom` is reached; trusted.")
    ollama_base_url: str = Field("", description="Where Ollama is reached; empty: http://127.0.0.1:11434.")
    ollama_context_tokens: int = Field(
        8192, ge=1024, le=10_000_000, description="Tokens of context that an Ollama is told to keep for a model."
    )
    ollama_keep_alive: str = Field(
        "", description="How long an Ollama keeps a model in memory, such as 10m, 0 or -1; empty: its own default."
    )
    provider_proxy: SecretStr = Field(
        SecretStr(""),
        description="HTTP proxy (http://user:password@host:port) through which the vendors' own addresses are called, "
        "and no other; empty: none, whatever HTTP_PROXY says.",
    )
    allowed_private_hosts: str = Field(
        "", description="host:port pairs in private networks that users' URLs may name, comma separated."
    )

    # Slack
    slack_signing_secret: SecretStr = Field(
        SecretStr(""), description="Slack's signing secret of the app that sends slash commands; empty: no Slack."
    )
    slack_response_origin: str = Field(
        "https://hooks.slack.com",
        description="The only server that later answers to Slack go to (GovSlack: https://hooks.slack-gov.com).",
    )

    # Files of the FastAPI and Streamlit demo
    chat_history_dir: str = Field("", description="The FastAPI demo's folder of chats, imported for `anonymous`.")
    system_prompts_dir: str = Field("", description="That demo's folder of prompts, imported likewise.")
    system_prompt_file: str = Field("", description="That demo's file with the active prompt, imported likewise.")

    # Observability
    metrics_token: SecretStr = Field(SecretStr(""), description="Bearer token of /metrics; empty: loopback only.")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @model_validator(mode="after")
    def _one_process_on_sqlite(self) -> Settings:
        if self.web_concurrency > 1 and not self.is_postgresql:
            raise ValueError("WEB_CONCURRENCY above 1 needs PostgreSQL: set DATABASE_URL")
        return self

    @model_validator(mode="after")
    def _a_database_that_is_known(self) -> Settings:
        if not re.match(r"postgresql\+psycopg2://|sqlite:///.", self.sqlalchemy_url):
            raise ValueError("DATABASE_URL must begin with postgresql:// or sqlite:///")
        return self

    @field_validator("cors_origins")
    @classmethod
    def _exact_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://[^/*\s]+", origin):
                raise ValueError(f"must hold exact origins such as https://chat.example.org, not {origin}")
        return origins

    @field_validator("slack_response_origin")
    @classmethod
    def _one_origin(cls, origin: str) -> str:
        if not re.fullmatch(r"https://[^/@*\s]+|http://127\.0\.0\.1(:\d{1,5})?", origin):
            raise ValueError("must be scheme and host, such as https://hooks.slack.com")
        return origin

    @field_validator("default_model")
    @classmethod
    def _provider_and_model(cls, name: str) -> str:
        if name and "/" not in name.strip("/"):
            raise ValueError("must be provider/model, such as openai/gpt-4o")
        return name

    @field_validator("ollama_keep_alive")
    @classmethod
    def _duration(cls, text: str) -> str:
        if not re.fullmatch(r"(-?\d+(ms|s|m|h)?)?", text):
            raise ValueError("must be a number with ms, s, m or h, such as 10m, or 0 or -1")
        return text

    @field_validator("provider_proxy")
    @classmethod
    def _http_proxy(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not re.fullmatch(r"https?://[^\s/]+/?", value.get_secret_value()):
            raise ValueError("must be http://host:port, with user:password@ before the host where it asks for them")
        return value

    @field_validator("allowed_private_hosts")
    @classmethod
    def _hosts_with_ports(cls, text: str) -> str:
        for pair in filter(None, (part.strip() for part in text.split(","))):
            if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):\d{1,5}", pair):
                raise ValueError(f"must hold host:port pairs, not {pair}")
        return text

    @property
    def production(self) -> bool:
        return self.parley_env == "production"

    @property
    def setup_code(self) -> str | None:
        """What the first admin of a production server must present: the same in every process, stored nowhere."""
        if not self.production:
            return None
        return hmac.new(self.token_pepper.get_secret_value().encode(), b"setup-code", hashlib.sha256).hexdigest()[:12]

    @property
    def is_postgresql(self) -> bool:
        return self.sqlalchemy_url.startswith("postgresql")

    @property
    def sqlalchemy_url(self) -> str:
        """The database's URL with the driver we ship."""
        if self.database_url:
            return re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", self.database_url)
        if self.db_host:
            credentials = f"{quote(self.db_user, safe='')}:{quote(self.db_password.get_secret_value(), safe='')}"
            return f"postgresql+psycopg2://{credentials}@{self.db_host}:{self.db_port}/{quote(self.db_name)}"
        return f"sqlite:///{self.data_dir.resolve() / 'parley.db'}"

    def base_urls(self) -> dict[str, str]:
        """Vendor id → the operator's base URL, for those that are set."""
        suffix = "_base_url"
        values = {name: getattr(self, name) for name in type(self).model_fields if name.endswith(suffix)}
        return {name.removesuffix(suffix): value for name, value in values.items() if value}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read all sources. Raises ConfigError with one line for a person."""
    environ = dict(os.environ if environ is None else environ)  # noqa: TID251  (the one place)
    values = dict(_from_environment(environ))
    if path := values.get("config_file"):
        values = _from_yaml(Path(path)) | values
    settings = _build(values)
    if not settings.production:
        generated = _development_secrets(settings.data_dir, values)
        settings = _build({name.lower(): value for name, value in generated.items()} | values)
    _refuse_unsafe(settings)
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"DATA_DIR {settings.data_dir} cannot be used: {error.strerror}; set DATA_DIR") from error
    return settings


def _development_secrets(data_dir: Path, values: Mapping[str, Any]) -> dict[str, str]:
    try:
        return secrets_file.ensure(data_dir, {name for name in SECRETS if values.get(name.lower())})
    except OSError as error:
        raise ConfigError(f"DATA_DIR {data_dir} cannot be used: {error.strerror}; set DATA_DIR") from error


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in Settings.model_fields:
        variable = name.upper()
        if environ.get(variable):
            yield name, environ[variable]
        elif path := environ.get(f"{variable}_FILE"):
            try:
                yield name, Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ConfigError(f"{variable}_FILE={path} cannot be read: {error.strerror}") from error


def _from_yaml(path: Path) -> dict[str, Any]:
    import yaml  # its memory is for those who have such a file

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"CONFIG_FILE={path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"CONFIG_FILE={path} must hold `name: value` lines")
    unknown = sorted(str(key) for key in content if str(key).lower() not in Settings.model_fields)
    if unknown:
        raise ConfigError(f"CONFIG_FILE={path} names unknown settings: {', '.join(unknown)}")
    return {str(key).lower(): value for key, value in content.items()}


def _build(values: Mapping[str, Any]) -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]).upper() if first["loc"] else ""
        raise ConfigError(f"{name} {first['msg'].removeprefix('Value error, ')}".strip()) from error


def _refuse_unsafe(settings: Settings) -> None:
    api_key = settings.api_key.get_secret_value()
    if settings.production and api_key and (len(api_key) < 16 or is_weak(api_key)):
        raise ConfigError("API_KEY is too short, an example or published; use at least 16 random characters")
    for name in SECRETS:
        value: str = getattr(settings, name.lower()).get_secret_value()
        if not value:
            raise ConfigError(
                f"{name} is missing; make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"
            )
        if len(value) < 32 or is_weak(value):
            raise ConfigError(f"{name} is too short, an example or published; use 64 random hex characters")
    for place, key in enumerate(settings.encryption_key.get_secret_value().split(",")):
        if not re.fullmatch(r"[0-9a-fA-F]{64}", key.strip()):
            raise ConfigError("ENCRYPTION_KEY must be 64 hex characters, or several such keys, comma separated")
        if is_weak(key.strip()) and (settings.production or place == 0):  # elsewhere what an old one sealed is rotated
            raise ConfigError("ENCRYPTION_KEY holds an example or a pattern; use 64 random hex characters for each")
