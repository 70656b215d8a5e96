-- Generated from sql/migrations by `flask --app api.cli docs write`; do not edit.

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE instance_facts (
    name VARCHAR(50) NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT pk_instance_facts PRIMARY KEY (name)
);

CREATE TABLE processes (
    id UUID NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    heartbeat_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    store_epoch VARCHAR(40),
    CONSTRAINT pk_processes PRIMARY KEY (id)
);

CREATE TABLE rate_limits (
    key VARCHAR(255) NOT NULL,
    hits INTEGER NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_rate_limits PRIMARY KEY (key)
);

CREATE INDEX ix_rate_limits_expires_at ON rate_limits (expires_at);

CREATE TABLE users (
    id UUID NOT NULL,
    email VARCHAR(254) NOT NULL,
    username VARCHAR(50) NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    full_name VARCHAR(200),
    bio TEXT,
    date_of_birth DATE,
    profession VARCHAR(200),
    avatar_url VARCHAR(500),
    role VARCHAR(10) DEFAULT 'member' NOT NULL,
    is_active BOOLEAN DEFAULT true NOT NULL,
    preferences JSONB DEFAULT '{}' NOT NULL,
    chat_counter INTEGER DEFAULT 0 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT ck_users_ck_users_role CHECK (role IN ('member', 'admin'))
);

CREATE UNIQUE INDEX uq_users_email_lower ON users (lower(email));

CREATE UNIQUE INDEX uq_users_username_lower ON users (lower(username));

CREATE TABLE api_keys (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    name VARCHAR(100) NOT NULL,
    token_hash VARCHAR(64) NOT NULL,
    prefix VARCHAR(20) NOT NULL,
    last4 VARCHAR(4) NOT NULL,
    scopes JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_api_keys PRIMARY KEY (id),
    CONSTRAINT fk_api_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_api_keys_user_id_created_at ON api_keys (user_id, created_at);

CREATE UNIQUE INDEX uq_api_keys_token_hash ON api_keys (token_hash);

CREATE TABLE chats (
    user_id UUID NOT NULL,
    id UUID NOT NULL,
    number INTEGER NOT NULL,
    slug VARCHAR(50) NOT NULL,
    title VARCHAR(200) NOT NULL,
    titled_by VARCHAR(10) DEFAULT 'default' NOT NULL,
    model_config_id UUID,
    model VARCHAR(200),
    parameters JSONB DEFAULT '{}' NOT NULL,
    head_id UUID,
    last_seq INTEGER DEFAULT 0 NOT NULL,
    pinned BOOLEAN DEFAULT false NOT NULL,
    archived BOOLEAN DEFAULT false NOT NULL,
    temporary BOOLEAN DEFAULT false NOT NULL,
    folder VARCHAR(100),
    tags JSONB DEFAULT '[]' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_chats PRIMARY KEY (user_id, id),
    CONSTRAINT ck_chats_ck_chats_titled_by CHECK (titled_by IN ('default', 'words', 'model', 'user')),
    CONSTRAINT fk_chats_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_chats_user_id_updated_at_id ON chats (user_id, updated_at, id);

CREATE UNIQUE INDEX uq_chats_user_id_number ON chats (user_id, number);

CREATE UNIQUE INDEX uq_chats_user_id_slug ON chats (user_id, slug);

CREATE TABLE generations (
    user_id UUID NOT NULL,
    id UUID NOT NULL,
    chat_id UUID,
    message_id UUID,
    user_message_id UUID,
    api_key_id UUID,
    model_config_id UUID,
    surface VARCHAR(20) NOT NULL,
    provider VARCHAR(40) NOT NULL,
    model VARCHAR(200) NOT NULL,
    status VARCHAR(12) NOT NULL,
    owner UUID NOT NULL,
    stop_requested BOOLEAN DEFAULT false NOT NULL,
    idempotency_key VARCHAR(255),
    request_hash VARCHAR(64),
    notes JSONB DEFAULT '{}' NOT NULL,
    queued_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    first_token_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    reasoning_tokens INTEGER,
    cached_tokens INTEGER,
    estimated BOOLEAN DEFAULT false NOT NULL,
    cost NUMERIC(20, 10),
    price_source VARCHAR(40),
    finish_reason VARCHAR(20),
    error_code VARCHAR(40),
    error_detail TEXT,
    event_index TEXT,
    CONSTRAINT pk_generations PRIMARY KEY (user_id, id),
    CONSTRAINT ck_generations_ck_generations_status CHECK (status IN ('queued', 'running', 'complete', 'stopped', 'length', 'filtered', 'interrupted', 'error')),
    CONSTRAINT fk_generations_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_generations_running ON generations (owner) WHERE status IN ('queued', 'running');

CREATE INDEX ix_generations_user_id_chat_id ON generations (user_id, chat_id, queued_at);

CREATE INDEX ix_generations_user_id_queued_at ON generations (user_id, queued_at);

CREATE UNIQUE INDEX uq_generations_user_id_idempotency_key ON generations (user_id, idempotency_key);

CREATE TABLE model_configs (
    user_id UUID NOT NULL,
    id UUID NOT NULL,
    name VARCHAR(100) NOT NULL,
    provider VARCHAR(40) NOT NULL,
    base_url VARCHAR(500),
    api_key_encrypted TEXT,
    model VARCHAR(200),
    system_prompt TEXT,
    temperature DOUBLE PRECISION,
    top_p DOUBLE PRECISION,
    max_tokens INTEGER,
    is_default BOOLEAN DEFAULT false NOT NULL,
    shared BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_model_configs PRIMARY KEY (user_id, id),
    CONSTRAINT fk_model_configs_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_model_configs_shared ON model_configs (shared) WHERE shared;

CREATE UNIQUE INDEX uq_model_configs_default ON model_configs (user_id, provider) WHERE is_default;

CREATE UNIQUE INDEX uq_model_configs_user_id_name ON model_configs (user_id, name);

CREATE TABLE sessions (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    refresh_jti VARCHAR(64) NOT NULL,
    previous_jti VARCHAR(64),
    rotated_at TIMESTAMP WITH TIME ZONE,
    handle_hash VARCHAR(64),
    user_agent VARCHAR(300),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_sessions PRIMARY KEY (id),
    CONSTRAINT fk_sessions_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_sessions_user_id_created_at ON sessions (user_id, created_at);

CREATE UNIQUE INDEX uq_sessions_handle_hash ON sessions (handle_hash);

CREATE TABLE generation_events (
    user_id UUID NOT NULL,
    generation_id UUID NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    payload TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_generation_events PRIMARY KEY (user_id, generation_id, first_seq),
    CONSTRAINT fk_generation_events_user_id_generation_id FOREIGN KEY(user_id, generation_id) REFERENCES generations (user_id, id) ON DELETE CASCADE
);

CREATE TABLE messages (
    user_id UUID NOT NULL,
    id UUID NOT NULL,
    chat_id UUID NOT NULL,
    parent_id UUID,
    seq INTEGER NOT NULL,
    role VARCHAR(10) NOT NULL,
    kind VARCHAR(10) DEFAULT 'text' NOT NULL,
    content TEXT DEFAULT '' NOT NULL,
    reasoning TEXT,
    parts JSONB,
    model VARCHAR(200),
    provider VARCHAR(40),
    status VARCHAR(12) DEFAULT 'complete' NOT NULL,
    metadata JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_messages PRIMARY KEY (user_id, id),
    CONSTRAINT ck_messages_ck_messages_kind CHECK (kind IN ('text', 'plan')),
    CONSTRAINT ck_messages_ck_messages_role CHECK (role IN ('system', 'user', 'assistant', 'tool')),
    CONSTRAINT ck_messages_ck_messages_status CHECK (status IN ('queued', 'running', 'complete', 'stopped', 'length', 'filtered', 'interrupted', 'error')),
    CONSTRAINT fk_messages_user_id_chat_id FOREIGN KEY(user_id, chat_id) REFERENCES chats (user_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_messages_user_id_parent_id FOREIGN KEY(user_id, parent_id) REFERENCES messages (user_id, id) DEFERRABLE INITIALLY DEFERRED
);

CREATE INDEX ix_messages_user_id_parent_id ON messages (user_id, parent_id);

CREATE UNIQUE INDEX uq_messages_user_id_chat_id_seq ON messages (user_id, chat_id, seq);

ALTER TABLE generations ADD COLUMN cache_write_tokens INTEGER;

ALTER TABLE generations ADD COLUMN day DATE;

CREATE TABLE usage_days (
    user_id UUID NOT NULL,
    day DATE NOT NULL,
    provider VARCHAR(40) NOT NULL,
    model VARCHAR(200) NOT NULL,
    surface VARCHAR(20) NOT NULL,
    api_key_id UUID NOT NULL,
    calls BIGINT DEFAULT 0 NOT NULL,
    errors BIGINT DEFAULT 0 NOT NULL,
    estimated BIGINT DEFAULT 0 NOT NULL,
    unpriced BIGINT DEFAULT 0 NOT NULL,
    prompt_tokens BIGINT DEFAULT 0 NOT NULL,
    completion_tokens BIGINT DEFAULT 0 NOT NULL,
    reasoning_tokens BIGINT DEFAULT 0 NOT NULL,
    cached_tokens BIGINT DEFAULT 0 NOT NULL,
    cost NUMERIC(20, 10) DEFAULT 0 NOT NULL,
    timed_tokens BIGINT DEFAULT 0 NOT NULL,
    timed_ms BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT pk_usage_days PRIMARY KEY (user_id, day, provider, model, surface, api_key_id),
    CONSTRAINT fk_usage_days_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_usage_days_day ON usage_days (day);

CREATE TABLE usage_waits (
    user_id UUID NOT NULL,
    day DATE NOT NULL,
    provider VARCHAR(40) NOT NULL,
    model VARCHAR(200) NOT NULL,
    surface VARCHAR(20) NOT NULL,
    api_key_id UUID NOT NULL,
    bucket INTEGER NOT NULL,
    calls BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT pk_usage_waits PRIMARY KEY (user_id, day, provider, model, surface, api_key_id, bucket),
    CONSTRAINT fk_usage_waits_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_usage_waits_day ON usage_waits (day);

ALTER TABLE users ADD COLUMN limits JSONB DEFAULT '{}' NOT NULL;

CREATE TABLE instance_settings (
    name VARCHAR(50) NOT NULL,
    value JSONB NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_instance_settings PRIMARY KEY (name)
);

CREATE TABLE audit_log (
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    actor_id UUID,
    username VARCHAR(50) NOT NULL,
    action VARCHAR(60) NOT NULL,
    target VARCHAR(200),
    detail JSONB DEFAULT '{}' NOT NULL,
    address VARCHAR(60),
    request_id VARCHAR(64),
    CONSTRAINT pk_audit_log PRIMARY KEY (id)
);

CREATE INDEX ix_audit_log_actor_id_id ON audit_log (actor_id, id);

CREATE INDEX ix_audit_log_at ON audit_log (at);

CREATE TABLE budgets (
    id UUID NOT NULL,
    name VARCHAR(80) NOT NULL,
    scope VARCHAR(10) NOT NULL,
    user_id UUID,
    unit VARCHAR(6) NOT NULL,
    period VARCHAR(5) NOT NULL,
    amount BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_budgets PRIMARY KEY (id),
    CONSTRAINT ck_budgets_ck_budgets_scope CHECK (scope IN ('instance', 'everyone', 'user')),
    CONSTRAINT ck_budgets_ck_budgets_unit CHECK (unit IN ('tokens', 'cost')),
    CONSTRAINT ck_budgets_ck_budgets_period CHECK (period IN ('day', 'month')),
    CONSTRAINT fk_budgets_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX uq_budgets_name ON budgets (name);

CREATE INDEX ix_budgets_user_id ON budgets (user_id);

CREATE TABLE budget_counters (
    subject UUID NOT NULL,
    budget_id UUID NOT NULL,
    starts DATE NOT NULL,
    used BIGINT DEFAULT 0 NOT NULL,
    reserved BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT pk_budget_counters PRIMARY KEY (subject, budget_id, starts),
    CONSTRAINT fk_budget_counters_budget_id FOREIGN KEY(budget_id) REFERENCES budgets (id) ON DELETE CASCADE
);

CREATE INDEX ix_budget_counters_budget_id ON budget_counters (budget_id);

CREATE TABLE reservations (
    generation_id UUID NOT NULL,
    budget_id UUID NOT NULL,
    subject UUID NOT NULL,
    starts DATE NOT NULL,
    amount BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_reservations PRIMARY KEY (generation_id, budget_id),
    CONSTRAINT fk_reservations_budget_id FOREIGN KEY(budget_id) REFERENCES budgets (id) ON DELETE CASCADE
);

CREATE INDEX ix_reservations_expires_at ON reservations (expires_at);

CREATE INDEX ix_reservations_budget_id ON reservations (budget_id);

CREATE TABLE prompts (
    user_id UUID NOT NULL,
    id UUID NOT NULL,
    name VARCHAR(100) NOT NULL,
    slug VARCHAR(100) NOT NULL,
    content TEXT NOT NULL,
    description TEXT DEFAULT '' NOT NULL,
    tags JSONB DEFAULT '[]' NOT NULL,
    shared BOOLEAN DEFAULT false NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_prompts PRIMARY KEY (user_id, id),
    CONSTRAINT fk_prompts_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX uq_prompts_user_id_slug ON prompts (user_id, slug);

CREATE INDEX ix_prompts_shared ON prompts (shared) WHERE shared;

CREATE TABLE prompt_versions (
    user_id UUID NOT NULL,
    prompt_id UUID NOT NULL,
    number INTEGER NOT NULL,
    name VARCHAR(100) NOT NULL,
    content TEXT NOT NULL,
    description TEXT DEFAULT '' NOT NULL,
    tags JSONB DEFAULT '[]' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_prompt_versions PRIMARY KEY (user_id, prompt_id, number),
    CONSTRAINT fk_prompt_versions_user_id_prompt_id FOREIGN KEY(user_id, prompt_id) REFERENCES prompts (user_id, id) ON DELETE CASCADE
);

ALTER TABLE chats ADD COLUMN prompt_id UUID;

ALTER TABLE chats ADD COLUMN plan JSONB;

ALTER TABLE model_configs ADD COLUMN key_origin TEXT;

CREATE TABLE model_prices (
    provider VARCHAR(40) NOT NULL,
    model VARCHAR(200) NOT NULL,
    input NUMERIC(20, 10) NOT NULL,
    output NUMERIC(20, 10),
    cached NUMERIC(20, 10),
    cache_write NUMERIC(20, 10),
    reasoning NUMERIC(20, 10),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_model_prices PRIMARY KEY (provider, model)
);

CREATE TABLE usage_users (
    user_id UUID NOT NULL,
    day DATE NOT NULL,
    calls BIGINT DEFAULT 0 NOT NULL,
    errors BIGINT DEFAULT 0 NOT NULL,
    estimated BIGINT DEFAULT 0 NOT NULL,
    unpriced BIGINT DEFAULT 0 NOT NULL,
    prompt_tokens BIGINT DEFAULT 0 NOT NULL,
    completion_tokens BIGINT DEFAULT 0 NOT NULL,
    reasoning_tokens BIGINT DEFAULT 0 NOT NULL,
    cached_tokens BIGINT DEFAULT 0 NOT NULL,
    cost NUMERIC(20, 10) DEFAULT 0 NOT NULL,
    timed_tokens BIGINT DEFAULT 0 NOT NULL,
    timed_ms BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT pk_usage_users PRIMARY KEY (user_id, day),
    CONSTRAINT fk_usage_users_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_usage_users_day ON usage_users (day);

CREATE TABLE usage_totals (
    day DATE NOT NULL,
    provider VARCHAR(40) NOT NULL,
    model VARCHAR(200) NOT NULL,
    surface VARCHAR(20) NOT NULL,
    calls BIGINT DEFAULT 0 NOT NULL,
    errors BIGINT DEFAULT 0 NOT NULL,
    estimated BIGINT DEFAULT 0 NOT NULL,
    unpriced BIGINT DEFAULT 0 NOT NULL,
    prompt_tokens BIGINT DEFAULT 0 NOT NULL,
    completion_tokens BIGINT DEFAULT 0 NOT NULL,
    reasoning_tokens BIGINT DEFAULT 0 NOT NULL,
    cached_tokens BIGINT DEFAULT 0 NOT NULL,
    cost NUMERIC(20, 10) DEFAULT 0 NOT NULL,
    timed_tokens BIGINT DEFAULT 0 NOT NULL,
    timed_ms BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT pk_usage_totals PRIMARY KEY (day, provider, model, surface)
);

CREATE TABLE usage_total_waits (
    day DATE NOT NULL,
    provider VARCHAR(40) NOT NULL,
    model VARCHAR(200) NOT NULL,
    surface VARCHAR(20) NOT NULL,
    bucket INTEGER NOT NULL,
    calls BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT pk_usage_total_waits PRIMARY KEY (day, provider, model, surface, bucket)
);

CREATE TABLE attachments (
    user_id UUID NOT NULL,
    id UUID NOT NULL,
    message_id UUID,
    name VARCHAR(150) NOT NULL,
    kind VARCHAR(10) NOT NULL,
    mime VARCHAR(100) NOT NULL,
    size INTEGER NOT NULL,
    digest VARCHAR(64) NOT NULL,
    text_digest VARCHAR(64),
    text_size INTEGER,
    chars INTEGER,
    width INTEGER,
    height INTEGER,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_attachments PRIMARY KEY (user_id, id),
    CONSTRAINT ck_attachments_ck_attachments_kind CHECK (kind IN ('text', 'pdf', 'docx', 'image')),
    CONSTRAINT fk_attachments_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_attachments_user_id_message_id FOREIGN KEY(user_id, message_id) REFERENCES messages (user_id, id) ON DELETE CASCADE
);

CREATE INDEX ix_attachments_user_id_message_id ON attachments (user_id, message_id);

CREATE INDEX ix_attachments_digest ON attachments (digest);

CREATE INDEX ix_attachments_text_digest ON attachments (text_digest);

CREATE INDEX ix_attachments_created_at ON attachments (created_at) WHERE message_id IS NULL;

CREATE TABLE imports (
    user_id UUID NOT NULL,
    source VARCHAR(20) NOT NULL,
    source_id VARCHAR(200) NOT NULL,
    content_hash VARCHAR(64) NOT NULL,
    object_id UUID NOT NULL,
    imported_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_imports PRIMARY KEY (user_id, source, source_id),
    CONSTRAINT fk_imports_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE import_runs (
    user_id UUID NOT NULL,
    id UUID NOT NULL,
    state VARCHAR(12) NOT NULL,
    size BIGINT NOT NULL,
    done BIGINT DEFAULT 0 NOT NULL,
    added INTEGER DEFAULT 0 NOT NULL,
    extended INTEGER DEFAULT 0 NOT NULL,
    unchanged INTEGER DEFAULT 0 NOT NULL,
    failed INTEGER DEFAULT 0 NOT NULL,
    detail TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_import_runs PRIMARY KEY (user_id, id),
    CONSTRAINT ck_import_runs_ck_import_runs_state CHECK (state IN ('running', 'complete', 'failed', 'interrupted')),
    CONSTRAINT fk_import_runs_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_import_runs_user_id_updated_at ON import_runs (user_id, updated_at);

CREATE TABLE import_results (
    user_id UUID NOT NULL,
    run_id UUID NOT NULL,
    position INTEGER NOT NULL,
    outcome VARCHAR(12) NOT NULL,
    source VARCHAR(20),
    source_id VARCHAR(200),
    title VARCHAR(200) NOT NULL,
    chat_id UUID,
    messages INTEGER DEFAULT 0 NOT NULL,
    detail TEXT,
    CONSTRAINT pk_import_results PRIMARY KEY (user_id, run_id, position),
    CONSTRAINT ck_import_results_ck_import_results_outcome CHECK (outcome IN ('added', 'extended', 'unchanged', 'failed')),
    CONSTRAINT fk_import_results_user_id_run_id FOREIGN KEY(user_id, run_id) REFERENCES import_runs (user_id, id) ON DELETE CASCADE
);

CREATE TABLE slack_links (
    user_id UUID NOT NULL,
    team_id VARCHAR(50),
    slack_user_id VARCHAR(50),
    linked_at TIMESTAMP WITH TIME ZONE,
    code_hash VARCHAR(64),
    code_expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_slack_links PRIMARY KEY (user_id),
    CONSTRAINT fk_slack_links_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX uq_slack_links_team_id_slack_user_id ON slack_links (team_id, slack_user_id);

CREATE UNIQUE INDEX uq_slack_links_code_hash ON slack_links (code_hash);

CREATE TABLE images (
    user_id UUID NOT NULL,
    id UUID NOT NULL,
    generation_id UUID NOT NULL,
    prompt TEXT NOT NULL,
    revised_prompt TEXT,
    provider VARCHAR(40) NOT NULL,
    model VARCHAR(200) NOT NULL,
    requested_size VARCHAR(20),
    quality VARCHAR(20),
    mime VARCHAR(40) NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    digest VARCHAR(64) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_images PRIMARY KEY (user_id, id),
    CONSTRAINT fk_images_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_images_digest ON images (digest);

CREATE INDEX ix_images_created_at ON images (created_at);

CREATE INDEX search_chats_temporary ON chats (updated_at) WHERE temporary;

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE FUNCTION search_words(body text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 10000 AS $$
    WITH texts AS (SELECT lower(left(body, 100000)) AS low), words AS (
        SELECT (regexp_matches(regexp_replace(low, '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\u2e80-\uffff\U00010000-\U0003ffff]+', ' ', 'g'),
            '([[:alnum:]]{1,2})[[:alnum:]]*', 'g'))[1] AS word FROM texts
        UNION SELECT (regexp_matches(low, '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\u2e80-\uffff\U00010000-\U0003ffff]{1,2}', 'g'))[1] FROM texts WHERE low ~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\u2e80-\uffff\U00010000-\U0003ffff]'
        UNION SELECT (regexp_matches(regexp_replace(low, '(^|[^\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\u2e80-\uffff\U00010000-\U0003ffff])[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\u2e80-\uffff\U00010000-\U0003ffff]', '\1', 'g'),
            '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\u2e80-\uffff\U00010000-\U0003ffff]{1,2}', 'g'))[1] FROM texts WHERE low ~ '[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\u2e80-\uffff\U00010000-\U0003ffff]')
    SELECT array_to_tsvector(array(SELECT word FROM words))
$$;

CREATE INDEX search_messages_trigrams ON messages USING gin (content gin_trgm_ops);

CREATE INDEX search_messages_words ON messages USING gin (search_words(content));

CREATE TABLE slack_answers (
    user_id UUID NOT NULL,
    id UUID NOT NULL,
    generation_id UUID NOT NULL,
    owner UUID NOT NULL,
    response_url_encrypted TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP NOT NULL,
    CONSTRAINT pk_slack_answers PRIMARY KEY (user_id, id),
    CONSTRAINT fk_slack_answers_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE usage_months (
    user_id UUID NOT NULL,
    month DATE NOT NULL,
    calls BIGINT DEFAULT 0 NOT NULL,
    errors BIGINT DEFAULT 0 NOT NULL,
    estimated BIGINT DEFAULT 0 NOT NULL,
    unpriced BIGINT DEFAULT 0 NOT NULL,
    prompt_tokens BIGINT DEFAULT 0 NOT NULL,
    completion_tokens BIGINT DEFAULT 0 NOT NULL,
    reasoning_tokens BIGINT DEFAULT 0 NOT NULL,
    cached_tokens BIGINT DEFAULT 0 NOT NULL,
    cost NUMERIC(20, 10) DEFAULT 0 NOT NULL,
    timed_tokens BIGINT DEFAULT 0 NOT NULL,
    timed_ms BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT pk_usage_months PRIMARY KEY (user_id, month),
    CONSTRAINT fk_usage_months_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_usage_months_month ON usage_months (month);

CREATE TABLE usage_day_waits (
    day DATE NOT NULL,
    bucket INTEGER NOT NULL,
    calls BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT pk_usage_day_waits PRIMARY KEY (day, bucket)
);

CREATE TABLE avatars (
    user_id UUID NOT NULL,
    digest VARCHAR(64) NOT NULL,
    size INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_avatars PRIMARY KEY (user_id),
    CONSTRAINT fk_avatars_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_avatars_digest ON avatars (digest);

CREATE TABLE kept_keys (
    user_id UUID NOT NULL,
    idempotency_key VARCHAR(255) NOT NULL,
    request_hash VARCHAR(64) NOT NULL,
    made_id UUID NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_kept_keys PRIMARY KEY (user_id, idempotency_key),
    CONSTRAINT fk_kept_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
