"""The page's only HTTP. Typed results, one error type, streams that survive a cut line. Knows no Streamlit."""

from ui.api_client.accounts import ApiKey, SignedIn
from ui.api_client.administration import Account, AuditEntry, Budget
from ui.api_client.attachments import Attachment
from ui.api_client.calls import TokenSource
from ui.api_client.client import ApiClient
from ui.api_client.commands import Command, Outcome
from ui.api_client.errors import ApiError
from ui.api_client.files import Import
from ui.api_client.folders import Shelves
from ui.api_client.follow import Batch, End
from ui.api_client.images import Picture
from ui.api_client.model_records import Model, ModelCatalogue, ModelConfig, Provider
from ui.api_client.models import Trial
from ui.api_client.prompts import Prompt, Variable, Version
from ui.api_client.records import (
    Chat,
    ChatPage,
    Earlier,
    Generation,
    Lane,
    Login,
    Message,
    OpenChat,
    Plan,
    Sent,
    Tokens,
    User,
)
from ui.api_client.search import Hit, Hits
from ui.api_client.slack import SlackCode, SlackLink
from ui.api_client.terms import Price, Rule, SharedConfig
from ui.api_client.transport import Transport
from ui.api_client.usage import BudgetLeft, ChatUsage, Limit, Sums, UsageReport

__all__ = [
    "Account",
    "ApiClient",
    "ApiError",
    "ApiKey",
    "Attachment",
    "AuditEntry",
    "Batch",
    "Budget",
    "BudgetLeft",
    "Chat",
    "ChatPage",
    "ChatUsage",
    "Command",
    "Earlier",
    "End",
    "Generation",
    "Hit",
    "Hits",
    "Import",
    "Lane",
    "Limit",
    "Login",
    "Message",
    "Model",
    "ModelCatalogue",
    "ModelConfig",
    "OpenChat",
    "Outcome",
    "Picture",
    "Plan",
    "Price",
    "Prompt",
    "Provider",
    "Rule",
    "Sent",
    "SharedConfig",
    "Shelves",
    "SignedIn",
    "SlackCode",
    "SlackLink",
    "Sums",
    "TokenSource",
    "Tokens",
    "Transport",
    "Trial",
    "UsageReport",
    "User",
    "Variable",
    "Version",
]
