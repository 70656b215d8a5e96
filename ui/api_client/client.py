"""The API as methods. A client is cheap: one is made for each run of the page, over the shared transport."""

from __future__ import annotations

from ui.api_client.accounts import Accounts
from ui.api_client.administration import Administration
from ui.api_client.attachments import Attachments
from ui.api_client.chats import Chats
from ui.api_client.commands import Commands
from ui.api_client.errors import ApiError
from ui.api_client.files import Files
from ui.api_client.folders import Folders
from ui.api_client.images import Images
from ui.api_client.models import Models
from ui.api_client.prompts import Prompts
from ui.api_client.search import Search
from ui.api_client.slack import Slack
from ui.api_client.terms import Terms
from ui.api_client.usage import UsageCalls


class ApiClient(
    Accounts,
    Models,
    Chats,
    Folders,
    Attachments,
    Commands,
    Prompts,
    UsageCalls,
    Administration,
    Terms,
    Files,
    Images,
    Search,
    Slack,
):
    """All nouns of the API in one object; each has its file."""

    def healthy(self) -> bool:
        """Whether the API takes requests again."""
        try:
            self._call("GET", "/ready", signed=False)
        except ApiError as error:
            return error.status == 404
        return True
