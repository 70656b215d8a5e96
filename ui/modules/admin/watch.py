"""Draws what goes on: everyone's usage, the providers' health, and the audit log. No chat's text."""

from __future__ import annotations

import json

import streamlit as st

from ui.api_client import ApiClient
from ui.components.figures import draw_table
from ui.modules.admin import terms
from ui.modules.usage.parts import draw_bar, draw_days, draw_sums, table
from ui.render import literal

STATES = {"well": "well", "degraded": "slow or failing at times", "failing": "failing", "unused": "not used lately"}
GROUPS = {"Person": "user", "Model": "model", "Provider": "provider", "Surface": "surface"}


def draw_usage(api: ApiClient) -> None:
    since = draw_bar("admin_period", api.everyones_usage_csv)
    days = api.everyones_usage(since, "day")
    draw_sums(days.total)
    if days.total.calls:
        draw_days(days.items, days.time_zone, since)
        chosen = st.segmented_control("Table by", list(GROUPS), default="Person", required=True, key="admin_group")
        group = GROUPS[chosen or "Person"]
        table(api.everyones_usage(since, group).items, group)
    else:
        st.markdown("Nothing in this time.")


def draw_providers(api: ApiClient) -> None:
    rows = [
        {
            "Provider": one.get("provider"),
            "State": STATES.get(str(one.get("state")), str(one.get("state"))),
            "Configs": one.get("configs"),
            "Calls": one.get("calls"),
            "Failed": one.get("errors"),
            "First token, ms": (one.get("first_token_ms") or {}).get("p50"),
            "Slowest twentieth, ms": (one.get("first_token_ms") or {}).get("p95"),
        }
        for one in api.provider_health()
    ]
    st.markdown("What was asked of each provider since yesterday, and how it went.")
    if rows:
        draw_table(rows, "Providers")
    else:
        st.caption("Nothing was asked yet.")
    st.header("Shared with everybody", anchor=False)
    shared = api.shared_configs()
    for config in shared:
        with st.container(key=f"line-shared-{config.id}", horizontal=True, vertical_alignment="center"):
            parts = [part for part in (config.provider, config.model, host(config.base_url)) if part]
            st.markdown(f"**{literal(config.name)}**  \n:gray[{literal(' · '.join(parts))}]")
            st.button(
                "Stop sharing", key=f"unshare-{config.id}", type="tertiary", on_click=terms.unshare, args=(config,)
            )
    if not shared:
        st.caption("No key or server is shared. An administrator shares one with a tick in its form under Models.")


def host(url: str) -> str:
    """Words, not a link."""
    return url.removeprefix("https://").removeprefix("http://")


def draw_audit(api: ApiClient) -> None:
    action = st.text_input(
        "Action begins with", key="audit_action", type="search", live=True, placeholder="user, budget, settings …"
    )
    rows = [
        {
            "When, UTC": entry.at.strftime("%Y-%m-%d %H:%M:%S"),
            "Who": entry.who,
            "Did": entry.action,
            "To": entry.whom or entry.target or None,
            "How": json.dumps(entry.how, ensure_ascii=False) if entry.how else None,
            "From": entry.address or None,
        }
        for entry in api.audit((action or "").strip())
    ]
    if rows:
        draw_table(rows, "Audit log", tall=True)
        st.caption("The newest hundred.")
    else:
        st.markdown("Nothing like that is in the log.")
