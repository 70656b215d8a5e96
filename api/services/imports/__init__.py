"""Chats on their way in: files of this and other products, stored chat by chat, each wholly or not at all."""

from api.services.imports.legacy import LegacyService
from api.services.imports.service import ImportService, Seen

__all__ = ["ImportService", "LegacyService", "Seen"]
