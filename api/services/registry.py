"""The record of all services, made by `wiring`, read by the routes."""

from __future__ import annotations

from dataclasses import dataclass

from api.services.accounts import AccountService
from api.services.administration import AdministrationService
from api.services.api_keys import ApiKeyService
from api.services.attachments import AttachmentService
from api.services.audit import AuditService
from api.services.avatars import AvatarService
from api.services.budgets import BudgetService
from api.services.catalogue import CatalogueService
from api.services.chats import ChatService
from api.services.commands import CommandService
from api.services.completions import CompletionService
from api.services.declared import DeclaredModels
from api.services.embeddings import EmbeddingService
from api.services.exports import ExportService
from api.services.folders import FolderService
from api.services.generations import GenerationService
from api.services.health import HealthService
from api.services.images import ImageService
from api.services.imports import ImportService, LegacyService
from api.services.instance import InstanceService
from api.services.messages import MessageService
from api.services.model_configs import ModelConfigService
from api.services.prices import PriceService
from api.services.prompts import PromptService
from api.services.provider_configs import ProviderConfigService
from api.services.pulls import PullService
from api.services.rate_limits import RateLimitService
from api.services.ready_models import ReadyModels
from api.services.search import SearchService
from api.services.sessions import SessionService
from api.services.slack import SlackService
from api.services.titles import TitleService
from api.services.tree import TreeService
from api.services.usage import UsageService
from api.services.vault import VaultService


@dataclass(frozen=True, slots=True)
class Services:
    declared: DeclaredModels
    accounts: AccountService
    avatars: AvatarService
    administration: AdministrationService
    instance: InstanceService
    audit: AuditService
    budgets: BudgetService
    prices: PriceService
    sessions: SessionService
    api_keys: ApiKeyService
    model_configs: ModelConfigService
    provider_configs: ProviderConfigService
    catalogue: CatalogueService
    ready_models: ReadyModels
    embeddings: EmbeddingService
    images: ImageService
    pulls: PullService
    chats: ChatService
    folders: FolderService
    search: SearchService
    messages: MessageService
    attachments: AttachmentService
    titles: TitleService
    tree: TreeService
    exports: ExportService
    imports: ImportService
    legacy: LegacyService
    prompts: PromptService
    commands: CommandService
    completions: CompletionService
    generations: GenerationService
    rate_limits: RateLimitService
    slack: SlackService
    health: HealthService
    usage: UsageService
    vault: VaultService
