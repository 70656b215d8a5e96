"""The one place, with `groundwork` below it, that constructs services: plain constructor calls, each part once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from api.config import Settings
from api.db import Database
from api.domain.generations import Counted
from api.domain.ids import new_id
from api.extraction.documents import DocumentReader
from api.groundwork import Groundwork
from api.importers.files import Limits
from api.importers.legacy import LegacyFiles
from api.providers.outbound import Outbound
from api.providers.transport import Transport
from api.rate_limits.storage import DatabaseStorage
from api.repositories.presence import presence_of
from api.repositories.unit_of_work import Store, UnitOfWork
from api.security.tokens import Tokens
from api.security.vault import Vault, parse_keys
from api.services.accounts import AccountService
from api.services.administration import AdministrationService
from api.services.api_keys import ApiKeyService
from api.services.attachments import AttachmentService, FileLimits
from api.services.audit import AuditService
from api.services.avatars import AvatarService
from api.services.budgets import BudgetService
from api.services.chats import ChatService
from api.services.commands import CommandService
from api.services.completions import CompletionService
from api.services.direct_calls import DirectCalls
from api.services.embeddings import EmbeddingService
from api.services.enclosures import Enclosures
from api.services.exports import ExportService
from api.services.files import FileService
from api.services.folders import FolderService
from api.services.generations import GenerationService
from api.services.health import HealthService
from api.services.housekeeping import Housekeeping
from api.services.images import ImageService
from api.services.imports import ImportService, LegacyService
from api.services.imports.storing import Rules
from api.services.messages import MessageService
from api.services.prices import PriceService
from api.services.prompts import PromptService
from api.services.pulls import PullService
from api.services.rate_limits import RateLimitService
from api.services.registry import Services
from api.services.retention import RetentionService
from api.services.search import SearchService
from api.services.sessions import SessionService
from api.services.slack import SlackService
from api.services.slack_answers import SlackAnswers
from api.services.titles import TitleService
from api.services.tree import TreeService
from api.services.turns import Turns
from api.services.usage import UsageService
from api.storage import FileStorage
from api.streams.loop import LoopThread
from api.web.dialects.slack.wire import message as slack_message

if TYPE_CHECKING:
    from api.services.backups import BackupService

THREADS_A_WAIT = 4  # of so many request threads, one at most waits for a provider
HOLD_MARGIN = 300.0  # how much longer than any call what is put aside for it waits


def build(settings: Settings, database: Database, loop: LoopThread) -> Services:
    """All services over one database. Nothing is started: `services.generations.start()` does that."""
    wiring = Wiring(settings, database, loop)
    made: dict[str, Any] = {field.name: getattr(wiring, field.name) for field in fields(Services)}
    return Services(**made)


def backups(settings: Settings, database: Database) -> BackupService:
    """What commands back up, restore and move with; a server does not import it."""
    from api.services.backups import BackupService

    vault = Vault(parse_keys(settings.encryption_key.get_secret_value()))
    return BackupService(database, settings.data_dir.resolve(), vault, _make_searchable)


def _make_searchable(database: Database) -> None:
    store = Store(database)
    try:
        SearchService(store).catch_up()
    finally:
        store.close()


class Wiring(Groundwork):
    """Each part once, made when it is first asked for; a service of the record has its name there."""

    def __init__(self, settings: Settings, database: Database, loop: LoopThread) -> None:
        self.settings = settings
        self.loop = loop
        self.store = Store(database)
        self._owner = new_id()

    # People

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.settings.token_pepper.get_secret_value())

    @cached_property
    def sessions(self) -> SessionService:
        return SessionService(self.store, self.tokens, self.settings.refresh_token_days)

    @cached_property
    def api_keys(self) -> ApiKeyService:
        return ApiKeyService(self.store, self.tokens)

    @cached_property
    def accounts(self) -> AccountService:
        return AccountService(
            self.store,
            self.passwords,
            stop_runs=self.generations.stop_all,
            registration_open=lambda: self.instance.current.registration == "open",
            setup_code=self.settings.setup_code,
        )

    # What administrators decide while the server runs; every process reads it anew each second

    @cached_property
    def administration(self) -> AdministrationService:
        return AdministrationService(self.store, self.passwords, self.accounts, self.generations.stop_all)

    @cached_property
    def audit(self) -> AuditService:
        return AuditService(self.store)

    @cached_property
    def prices(self) -> PriceService:
        return PriceService(self.store)

    @cached_property
    def budgets(self) -> BudgetService:
        return BudgetService(self.store, self.prices, self.settings.provider_total_timeout + HOLD_MARGIN)

    @cached_property
    def retention(self) -> RetentionService:
        return RetentionService(self.store, lambda: self.instance.current)

    @cached_property
    def rate_limits(self) -> RateLimitService:
        storage = DatabaseStorage(
            write=lambda fn: self.store.write(lambda work: fn(work.connection), durable=False),
            read=lambda fn: self.store.read(lambda work: fn(work.connection)),
        )
        return RateLimitService(storage, self.settings.login_limit, lambda: self.instance.current)

    @cached_property
    def usage(self) -> UsageService:
        return UsageService(self.store)

    # Chats and calls

    @cached_property
    def pulls(self) -> PullService:
        return PullService(
            store=self.store,
            catalogue=self.providers,
            control=self.control,
            configs=self.model_configs,
            offers=self.offers,
            generations=self.generations,
            loop=self.loop,
        )

    @cached_property
    def transport(self) -> Transport:
        return Transport(self.egress)

    @cached_property
    def generations(self) -> GenerationService:
        database = self.store.database
        return GenerationService(
            store=self.store,
            presence=presence_of(database, self._owner),
            loop=self.loop,
            transport=self.transport,
            owner=self._owner,
            poll_seconds=1.0 if database.is_postgresql else 0.2,
            max_reply_chars=self.settings.max_reply_chars,
            max_runs=self.settings.max_streams,
            drain_seconds=self.settings.drain_seconds,
            store_patience=self.settings.store_patience,
            still_good=self._still_good,
            housekeeping=lambda: self.housekeeping,
            settle=self._settle,
            price=self.prices.price,
        )

    def _still_good(self, session_ids: set[UUID], key_ids: set[UUID]) -> tuple[set[UUID], set[UUID]]:
        return self.sessions.open_among(session_ids), self.api_keys.good_among(key_ids)

    @cached_property
    def housekeeping(self) -> Housekeeping:
        budgets, search = self.budgets, self.search
        indexes_later = not self.store.database.is_postgresql
        return Housekeeping(
            known=(self.instance.refresh, self.prices.refresh, budgets.refresh),
            often=(
                self.health.note_pool,
                budgets.expire,
                self.api_keys.flush_last_used,
                self.slack.tend,
                *((search.tend,) if indexes_later else ()),
            ),
            seldom=(
                self.rate_limits.purge,
                self.retention.prune,
                budgets.prune,
                self.file_keeping.sweep,
                *((search.catch_up,) if indexes_later else ()),
            ),
        )

    def _settle(self, work: UnitOfWork, calls: Sequence[Counted]) -> None:
        self.rate_limits.settle(work, calls)  # before budgets, as at a call's beginning: nobody waits crosswise
        self.budgets.settle(work, calls)

    @cached_property
    def turns(self) -> Turns:
        parts = (self.store, self.generations, self.model_configs, self.rate_limits, self.budgets)
        return Turns(*parts, enclosures=self.enclosures, titled=self.titles.watch)

    @cached_property
    def titles(self) -> TitleService:
        return TitleService(self.store, self.completions, self.settings.title_model)

    @cached_property
    def chats(self) -> ChatService:
        return ChatService(self.store, self.generations)

    @cached_property
    def folders(self) -> FolderService:
        return FolderService(self.store, self.generations)

    @cached_property
    def search(self) -> SearchService:
        return SearchService(self.store)

    @cached_property
    def tree(self) -> TreeService:
        return TreeService(self.store, self.chats, self.rate_limits, self.enclosures)

    @cached_property
    def exports(self) -> ExportService:
        return ExportService(self.store, self.files)

    @cached_property
    def imports(self) -> ImportService:
        known = self.settings
        limits, rules = Limits(known.import_unpacked_bytes, known.import_chat_bytes), Rules(known.max_reply_chars)
        return ImportService(
            self.store,
            self.attachments,
            folder=known.data_dir / "imports",
            limits=limits,
            rules=rules,
            most_bytes=known.max_import_bytes,
        )

    @cached_property
    def legacy(self) -> LegacyService:
        known = self.settings
        files = LegacyFiles.named(
            known.chat_history_dir, known.system_prompts_dir, known.system_prompt_file, known.import_chat_bytes
        )
        return LegacyService(self.store, self.prompts, files, known.max_reply_chars)

    @cached_property
    def messages(self) -> MessageService:
        return MessageService(self.turns, self.tree, self.chats, self.enclosures, self.settings.max_message_chars)

    @cached_property
    def attachments(self) -> AttachmentService:
        return AttachmentService(self.store, self.files, self.documents, self.file_limits)

    @cached_property
    def avatars(self) -> AvatarService:
        return AvatarService(self.store, self.files, self.documents)

    @cached_property
    def documents(self) -> DocumentReader:
        return DocumentReader()

    @cached_property
    def enclosures(self) -> Enclosures:
        return Enclosures(self.files, self.file_limits)

    @cached_property
    def file_limits(self) -> FileLimits:
        return FileLimits(
            file_bytes=self.settings.max_attachment_bytes,
            chars=self.settings.max_attachment_chars,
            message_files=self.settings.max_message_attachments,
            account_bytes=self.settings.max_account_attachment_bytes,
        )

    @cached_property
    def prompts(self) -> PromptService:
        return PromptService(self.store)

    @cached_property
    def commands(self) -> CommandService:
        return CommandService(
            self.chats,
            self.messages,
            self.prompts,
            self.catalogue,
            model_configs=self.model_configs,
            generations=self.generations,
            images=self.images,
        )

    @cached_property
    def slack(self) -> SlackService:
        return SlackService(
            store=self.store,
            tokens=self.tokens,
            secret=self.settings.slack_signing_secret.get_secret_value(),
            rate_limits=self.rate_limits,
            prompts=self.prompts,
            messages=self.messages,
            generations=self.generations,
            answers=self.slack_answers,
        )

    @cached_property
    def slack_answers(self) -> SlackAnswers:
        return SlackAnswers(
            store=self.store,
            vault=self.secrets,
            generations=self.generations,
            outbound=Outbound(self.transport, self.settings.slack_response_origin),
            loop=self.loop,
            told=slack_message,
        )

    @cached_property
    def completions(self) -> CompletionService:
        return CompletionService(self.store, self.generations, self.model_configs, self.rate_limits, self.budgets)

    @cached_property
    def direct_calls(self) -> DirectCalls:
        most = self.settings.threads // THREADS_A_WAIT
        return DirectCalls(self.store, self.generations, self.rate_limits, self.budgets, self.prices, most=most)

    @cached_property
    def embeddings(self) -> EmbeddingService:
        return EmbeddingService(
            calls=self.direct_calls,
            configs=self.model_configs,
            choice=self.choice,
            control=self.control,
            timeout=self.settings.provider_first_timeout,
            max_chars=self.settings.max_message_chars * 10,
        )

    @cached_property
    def images(self) -> ImageService:
        return ImageService(
            store=self.store,
            calls=self.direct_calls,
            configs=self.model_configs,
            choice=self.choice,
            control=self.control,
            files=self.files,
            timeout=self.settings.image_timeout,
            max_bytes=self.settings.max_image_bytes,
            max_chars=self.settings.max_message_chars,
            reserve=self.settings.image_reserve_dollars,
        )

    # The instance's own state

    @cached_property
    def files(self) -> FileStorage:
        return FileStorage(self.settings.data_dir / "files")

    @cached_property
    def file_keeping(self) -> FileService:
        return FileService(self.store, self.files)

    @cached_property
    def health(self) -> HealthService:
        return HealthService(self.store, self.generations.loop_age, lambda: self.generations.draining)
