"""The one place that constructs services, by plain constructor calls. Tests replace parts by passing their own."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from api.config import Settings
from api.db import Database
from api.domain.generations import Counted
from api.domain.ids import new_id
from api.domain.instance import InstanceSettings
from api.providers.base import Timeouts
from api.providers.catalogue import Catalogue, LocalModels
from api.providers.control import Control
from api.providers.transport import Transport
from api.rate_limits.storage import DatabaseStorage
from api.repositories.presence import presence_of
from api.repositories.unit_of_work import Store, UnitOfWork
from api.security.egress import Egress, parse_allowed
from api.security.passwords import Passwords
from api.security.tokens import Tokens
from api.security.vault import Vault, parse_keys
from api.services.accounts import AccountService
from api.services.administration import AdministrationService
from api.services.api_keys import ApiKeyService
from api.services.audit import AuditService
from api.services.budgets import BudgetService
from api.services.catalogue import CatalogueService
from api.services.chats import ChatService
from api.services.choice import Choice
from api.services.commands import CommandService
from api.services.completions import CompletionService
from api.services.declared import DeclaredModels
from api.services.direct_calls import DirectCalls
from api.services.embeddings import EmbeddingService
from api.services.generations import GenerationService
from api.services.health import HealthService
from api.services.instance import InstanceService
from api.services.messages import MessageService
from api.services.model_configs import ModelConfigService
from api.services.offers import Offers
from api.services.prices import PriceService
from api.services.prompts import PromptService
from api.services.provider_configs import ProviderConfigService
from api.services.pulls import PullService
from api.services.rate_limits import RateLimitService
from api.services.registry import Services
from api.services.retention import RetentionService
from api.services.sessions import SessionService
from api.services.tree import TreeService
from api.services.turns import Turns
from api.services.usage import UsageService
from api.services.vault import VaultService
from api.streams.loop import LoopThread

PURGE_SECONDS = 300.0
HOLD_MARGIN = 300.0  # how much longer than any call what is put aside for it waits


def setup_code(settings: Settings) -> str | None:
    """What the first admin of a production server must present: the same in every process, stored nowhere."""
    if not settings.production:
        return None
    return hmac.new(settings.token_pepper.get_secret_value().encode(), b"setup-code", hashlib.sha256).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _Rules:
    """What administrators decide while the server runs; every process reads it anew each second."""

    instance: InstanceService
    prices: PriceService
    budgets: BudgetService
    retention: RetentionService


def _rules(settings: Settings, store: Store) -> _Rules:
    instance, prices = InstanceService(store, _environment(settings)), PriceService(store)
    budgets = BudgetService(store, prices, settings.provider_total_timeout + HOLD_MARGIN)
    return _Rules(instance, prices, budgets, RetentionService(store, lambda: instance.current))


def build(settings: Settings, database: Database, loop: LoopThread) -> Services:
    """All services over one database. Nothing is started: `services.generations.start()` does that."""
    store = Store(database)
    egress = Egress(parse_allowed(settings.allowed_private_hosts))
    catalogue = Catalogue(settings.base_urls(), _local_models(settings))
    sessions, api_keys = _credentials(settings, store)
    rules = _rules(settings, store)
    instance, budgets = rules.instance, rules.budgets
    rate_limits = _rate_limits(settings, store, instance)
    generations = _generations(
        settings=settings,
        store=store,
        loop=loop,
        transport=Transport(egress),
        sessions=sessions,
        api_keys=api_keys,
        rate_limits=rate_limits,
        rules=rules,
    )
    offers, control = Offers(catalogue), Control(catalogue, egress)
    choice = Choice(catalogue, offers, lambda: instance.current.default_model)
    model_configs = _model_configs(settings, store, catalogue, choice)
    chats = ChatService(store, generations)
    calls = DirectCalls(store, generations, rate_limits, budgets, rules.prices)
    turns = Turns(store, generations, model_configs, rate_limits, budgets)
    accounts = _accounts(settings, store, generations, instance)
    tree, prompts = TreeService(store, chats, rate_limits), PromptService(store)
    messages = MessageService(turns, tree, chats, settings.max_message_chars)
    listed = CatalogueService(store, catalogue, control, model_configs, offers)
    pulls = _pulls(store, catalogue, control, model_configs, offers, generations=generations, loop=loop)
    commands = CommandService(chats, messages, prompts, listed, model_configs=model_configs, generations=generations)
    return Services(
        declared=DeclaredModels(store, catalogue),
        audit=AuditService(store),
        budgets=budgets,
        prices=rules.prices,
        accounts=accounts,
        administration=AdministrationService(store, Passwords(), accounts, generations.stop_all),
        instance=instance,
        sessions=sessions,
        api_keys=api_keys,
        model_configs=model_configs,
        provider_configs=ProviderConfigService(store, model_configs, choice, catalogue),
        catalogue=listed,
        embeddings=_embeddings(settings, calls, model_configs, choice, control),
        pulls=pulls,
        chats=chats,
        messages=messages,
        tree=tree,
        prompts=prompts,
        commands=commands,
        completions=CompletionService(store, generations, model_configs, rate_limits, budgets),
        generations=generations,
        rate_limits=rate_limits,
        health=HealthService(store, generations.loop_age, lambda: generations.draining),
        usage=UsageService(store),
        vault=VaultService(store, _vault(settings)),
    )


def _credentials(settings: Settings, store: Store) -> tuple[SessionService, ApiKeyService]:
    tokens = Tokens(settings.token_pepper.get_secret_value())
    return SessionService(store, tokens, settings.refresh_token_days), ApiKeyService(store, tokens)


def _vault(settings: Settings) -> Vault:
    return Vault(parse_keys(settings.encryption_key.get_secret_value()))


def _pulls(
    store: Store,
    catalogue: Catalogue,
    control: Control,
    configs: ModelConfigService,
    offers: Offers,
    *,
    generations: GenerationService,
    loop: LoopThread,
) -> PullService:
    return PullService(
        store=store,
        catalogue=catalogue,
        control=control,
        configs=configs,
        offers=offers,
        generations=generations,
        loop=loop,
    )


def _model_configs(settings: Settings, store: Store, catalogue: Catalogue, choice: Choice) -> ModelConfigService:
    told_first = settings.system_prompt
    return ModelConfigService(store, _vault(settings), catalogue, _timeouts(settings), choice, system_prompt=told_first)


def _environment(settings: Settings) -> InstanceSettings:
    """What counts where no admin has set anything."""
    return InstanceSettings(
        registration=settings.registration,
        default_model=settings.default_model,
        requests_per_hour=settings.rate_limit_per_hour,
        generations_per_hour=settings.generation_limit_per_hour,
    )


def _accounts(
    settings: Settings, store: Store, generations: GenerationService, instance: InstanceService
) -> AccountService:
    return AccountService(
        store,
        Passwords(),
        stop_runs=generations.stop_all,
        registration_open=lambda: instance.current.registration == "open",
        setup_code=setup_code(settings),
    )


def _embeddings(
    settings: Settings, calls: DirectCalls, configs: ModelConfigService, choice: Choice, control: Control
) -> EmbeddingService:
    return EmbeddingService(
        calls=calls,
        configs=configs,
        choice=choice,
        control=control,
        timeout=settings.provider_first_timeout,
        max_chars=settings.max_message_chars * 10,
    )


def _local_models(settings: Settings) -> LocalModels:
    kept = settings.ollama_keep_alive
    return LocalModels(settings.ollama_context_tokens, int(kept) if kept.lstrip("-").isdigit() else kept or None)


def _timeouts(settings: Settings) -> Timeouts:
    return Timeouts(
        connect=settings.provider_connect_timeout,
        first=settings.provider_first_timeout,
        between=settings.provider_between_timeout,
        total=settings.provider_total_timeout,
    )


def _rate_limits(settings: Settings, store: Store, instance: InstanceService) -> RateLimitService:
    storage = DatabaseStorage(
        write=lambda fn: store.write(lambda work: fn(work.connection), durable=False),
        read=lambda fn: store.read(lambda work: fn(work.connection)),
    )
    return RateLimitService(
        storage,
        settings.rate_limit_per_hour,
        settings.generation_limit_per_hour,
        settings.login_limit,
        lambda: instance.current,
    )


def _generations(
    *,
    settings: Settings,
    store: Store,
    loop: LoopThread,
    transport: Transport,
    sessions: SessionService,
    api_keys: ApiKeyService,
    rate_limits: RateLimitService,
    rules: _Rules,
) -> GenerationService:
    owner = new_id()
    purged_at = time.monotonic()

    def still_good(session_ids: set[UUID], key_ids: set[UUID]) -> tuple[set[UUID], set[UUID]]:
        return sessions.open_among(session_ids), api_keys.good_among(key_ids)

    def housekeeping() -> None:
        nonlocal purged_at
        rules.instance.refresh()
        rules.prices.refresh()
        rules.budgets.refresh()
        rules.budgets.expire()
        api_keys.flush_last_used()
        if time.monotonic() - purged_at > PURGE_SECONDS:
            purged_at = time.monotonic()
            rate_limits.purge()
            rules.retention.prune()
            rules.budgets.prune()

    def settle(work: UnitOfWork, calls: Sequence[Counted]) -> None:
        rate_limits.settle(work, calls)  # before budgets, as at a call's beginning: nobody waits crosswise
        rules.budgets.settle(work, calls)

    return GenerationService(
        store=store,
        presence=presence_of(store.database, owner),
        loop=loop,
        transport=transport,
        owner=owner,
        poll_seconds=1.0 if store.database.is_postgresql else 0.2,
        max_reply_chars=settings.max_reply_chars,
        max_runs=settings.max_streams,
        drain_seconds=settings.drain_seconds,
        still_good=still_good,
        housekeeping=housekeeping,
        settle=settle,
        price=rules.prices.price,
    )
