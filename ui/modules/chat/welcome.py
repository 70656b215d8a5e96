"""What an empty chat shows: prompts to start from and, as long as only the demo answers, the ways to a real model."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ModelCatalogue
from ui.modules.chat import actions

EXAMPLES = (
    (":material/code:", "Write a Python function that retries a call, waiting longer each time"),
    (":material/table_chart:", "Compare SQLite and PostgreSQL for a small team, in a table"),
    (":material/mail:", "Draft a friendly reminder for an invoice that is two weeks late"),
    (":material/school:", "Explain public-key encryption to someone who is good at maths"),
)
WAYS = (
    ("ollama", ":material/computer:", "**Ollama**  \nFree, on your own machine. Found by itself when it runs."),
    ("openai", ":material/key:", "**OpenAI**  \nGPT models, with an API key."),
    ("anthropic", ":material/key:", "**Anthropic**  \nClaude models, with an API key."),
    ("custom", ":material/dns:", "**Your own server**  \nvLLM, LM Studio, llama.cpp and others."),
)


def draw_welcome(chat_id: str, catalogue: ModelCatalogue) -> None:
    with st.container(key="welcome"):
        st.title("What can I help with?", anchor=False)
        st.markdown("Ask below, or start from one of these.")
        with st.container(key="examples"):
            for number, (icon, text) in enumerate(EXAMPLES):
                st.button(
                    text,
                    key=f"example-{number}",
                    icon=icon,
                    width="stretch",
                    on_click=actions.send,
                    args=(chat_id, text),
                )
        talking = _talking(catalogue)
        if talking <= {"demo"}:
            _ways()
        elif talking <= {"demo", "ollama"}:
            _ollama_is_here(catalogue)


def _talking(catalogue: ModelCatalogue) -> set[str]:
    """Providers that are set up for chats; one whose list is not here is counted, one that only makes images is not."""
    listed = {model.id.partition("/")[0] for model in catalogue.models}
    empty = {model.id.partition("/")[0] for model in catalogue.all_models} - listed
    return {one.id for one in catalogue.providers if one.configured and one.id not in empty}


def _ways() -> None:
    with st.container(key="ways", gap="small"):
        st.markdown("**The built-in demo answers now.** It needs no key and repeats what you say. For a real model:")
        with st.container(key="way-cards"):
            for provider, icon, text in WAYS:
                st.button(
                    text,
                    key=f"way-{provider}",
                    icon=icon,
                    width="stretch",
                    on_click=actions.add_model,
                    args=(provider,),
                )


def _ollama_is_here(catalogue: ModelCatalogue) -> None:
    found = [model for model in catalogue.models if model.id.startswith("ollama/")]
    with st.container(key="ways", gap="small"):
        if found:
            names = f"{len(found)} model{'s' if len(found) > 1 else ''}"
            st.markdown(f"**An Ollama runs here, with {names}.** Choose one under the message box.")
        else:
            st.markdown("**An Ollama runs here, without a model yet.** Fetch one on the Models page.")
        st.page_link(state.page().places["models"], label="Other models and keys", icon=":material/deployed_code:")
