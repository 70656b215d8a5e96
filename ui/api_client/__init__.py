"""The page's only HTTP. Typed results, one error type, streams that survive a cut line. Knows no Streamlit."""

from ui.api_client.accounts import ApiKey, SignedIn
from ui.api_client.calls import TokenSource
from ui.api_client.client import ApiClient
from ui.api_client.errors import ApiError
from ui.api_client.follow import Batch, End
from ui.api_client.records import (
    Chat,
    ChatPage,
    Earlier,
    Generation,
    Lane,
    Login,
    Message,
    Model,
    ModelCatalogue,
    ModelConfig,
    OpenChat,
    Provider,
    Sent,
    Tokens,
    User,
)
from ui.api_client.transport import Transport

__all__ = [
    "ApiClient",
    "ApiError",
    "ApiKey",
    "Batch",
    "Chat",
    "ChatPage",
    "Earlier",
    "End",
    "Generation",
    "Lane",
    "Login",
    "Message",
    "Model",
    "ModelCatalogue",
    "ModelConfig",
    "OpenChat",
    "Provider",
    "Sent",
    "SignedIn",
    "TokenSource",
    "Tokens",
    "Transport",
    "User",
]
