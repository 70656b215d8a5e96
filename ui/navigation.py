"""The pages there are: one row each. A page is listed here when the API has what it draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ui.api_client import ApiClient
from ui.modules.admin import view as admin
from ui.modules.chat import view as chat
from ui.modules.compare import view as compare
from ui.modules.images import view as images
from ui.modules.models import view as models
from ui.modules.prompts import view as prompts
from ui.modules.settings import view as settings
from ui.modules.usage import view as usage


@dataclass(frozen=True)
class Place:
    """`menu` is where its link stands: in the sidebar, in the account's menu, or nowhere."""

    path: str
    title: str
    icon: str
    draw: Callable[[ApiClient], None]
    menu: str = "sidebar"
    offline: Callable[[], None] | None = None
    admins: bool = False


CHAT = Place("chat", "Chat", ":material/chat:", chat.draw, menu="", offline=chat.draw_offline)
PLACES = (
    CHAT,
    Place("compare", "Compare", ":material/view_column_2:", compare.draw),
    Place("images", "Images", ":material/image:", images.draw),
    Place("prompts", "Prompts", ":material/article:", prompts.draw),
    Place("models", "Models", ":material/deployed_code:", models.draw),
    Place("usage", "Usage", ":material/bar_chart:", usage.draw),
    Place("settings", "Settings", ":material/settings:", settings.draw, menu="account"),
    Place("admin", "Admin", ":material/shield_person:", admin.draw, menu="account", admins=True),
)
PATHS = [place.path for place in PLACES if place is not CHAT]
