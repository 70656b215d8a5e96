"""The whole of an instance: taken while it works, verified, brought back, carried to another database."""

from api.services.backups.archive import default_name, newest
from api.services.backups.service import BackupService, Summary, hashes

__all__ = ["BackupService", "Summary", "default_name", "hashes", "newest"]
