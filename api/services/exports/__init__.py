"""Chats on their way out: as JSON that imports back, as Markdown, as an HTML page; one, or all in a zip."""

from api.services.exports.service import FORMS, Export, ExportService

__all__ = ["FORMS", "Export", "ExportService"]
