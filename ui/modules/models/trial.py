"""A config tried out with one tiny call: what came of it, in plain words, and the way to put it right."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, ModelConfig, Trial
from ui.components.problem import draw_problem
from ui.modules.models import actions
from ui.render import literal
from ui.wording import explain, explain_reply, when

MENDED_BY_CHANGE = {
    "provider_auth_failed",
    "model_not_found",
    "provider_unavailable",
    "provider_timeout",
    "provider_bad_response",
    "provider_refused",
    "key_unreadable",
    "address_forbidden",
}


def draw_trial(api: ApiClient, config: ModelConfig, *, mine: bool) -> None:
    page = state.page()
    if page.trying == config.id:
        page.trying = ""  # first: a click meanwhile draws the page anew, and must not ask twice
        with st.container(key=f"trying-{config.id}"), st.spinner("Asking it for a word…"):
            page.trials[config.id] = _asked(api, config)
    trial = page.trials.get(config.id)
    if trial is None:
        return
    if not trial.problem:
        with st.container(key=f"tried-{config.id}"):
            took = f"{trial.seconds:.1f} s" if trial.seconds >= 0.1 else "less than 0.1 s"
            st.markdown(f":green[:material/check_circle: {literal(trial.model)} answered in {took}.]")
        return
    draw_problem(f"trial-{config.id}", words(trial.problem, trial.model, config.base_url))
    if mine and trial.problem.get("code") in MENDED_BY_CHANGE:
        st.button(
            "Put it right",
            key=f"mend-{config.id}",
            icon=":material/edit:",
            on_click=actions.open_form,
            args=(config.provider, config),
        )


def words(problem: dict[str, object], model: str, address: str) -> str:
    """Why it did not work, and what to do. An address is only known where the person gave one."""
    where = f"at {address}" if address else "at the provider's address"
    seconds = problem.get("retry_after")
    own = {
        "provider_auth_failed": "The provider refused the key. It may be mistyped, revoked, or another account's: "
        "paste a new one.",
        "model_not_found": f"The provider is there, but it has no model “{model}” for this key. Correct its name.",
        "provider_rate_limited": "The provider answers, but lets this key make no more calls now. Try again "
        f"{when(seconds if isinstance(seconds, int | float) else None, 'in a minute')}; if it stays so, look at the "
        "account's credit there.",
        "provider_unavailable": f"Nobody answers {where}. Is it running, and is the address right?",
        "provider_timeout": f"No answer came in time {where}. It may be loading the model: try again in a minute.",
        "provider_bad_response": f"Something answers {where}, but not as such a provider does. Check the address; most "
        "end with /v1.",
        "context_too_long": "Its system prompt alone is longer than the model can take in. Shorten it.",
    }
    code = str(problem.get("code") or "")
    if code in ("content_filtered", "address_forbidden", "provider_refused"):
        return str(problem.get("detail") or "") or explain_reply(problem).text
    return own.get(code) or explain_reply(problem).text


def _asked(api: ApiClient, config: ModelConfig) -> Trial:
    try:
        return api.try_model_config(config.id)
    except ApiError as error:
        if error.status == 401 or error.away:
            raise
        refused = {"code": error.code, "status": error.status, "detail": explain(error).text}
        return Trial(config.model, 0.0, refused | {"retry_after": error.retry_after})
