"""Draws what an account takes along: everything as one file."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Import
from ui.components.figures import draw_table
from ui.components.problem import draw_problem
from ui.modules.settings import actions
from ui.render import literal
from ui.wording import explain

MOST_MB = 200  # it passes through the page's memory
OUTCOMES = {"added": "new", "extended": "continued", "unchanged": "was here already", "failed": "not taken"}


def draw_data(api: ApiClient) -> None:
    st.header("Bring chats", anchor=False)
    st.markdown(
        "An export of Parley, ChatGPT, Claude, Open WebUI or LibreChat: the zip or the JSON file, as you got it. "
        "What is here already stays as it is, so the same file can be imported again."
    )
    with st.form("import", border=False):
        st.file_uploader("File", ["zip", "json", "jsonl"], key=actions.IMPORT_FILE, max_upload_size=MOST_MB)
        draw_problem("import", state.page().form_errors.get(""))
        st.caption(f"A file larger than {MOST_MB} MB is imported by a program: POST /imports.")
        st.form_submit_button("Import", type="primary", icon=":material/upload:", on_click=actions.start_import)
    if state.page().import_id:
        _report(api)
    st.header("Take everything with you", anchor=False)
    st.markdown(
        "All your chats but temporary ones, with their branches and files, as JSON in a zip. One chat alone, also as a "
        "web page or as Markdown: Export in its menu. Keys and passwords are in neither."
    )
    st.download_button(
        "Download everything",
        data=api.export_everything,
        file_name="parley-export.zip",
        mime="application/zip",
        key="export-everything",
        icon=":material/download:",
        on_click="ignore",
    )


@st.fragment(run_every=1.0)
def _watched(api: ApiClient) -> None:
    """Looks again every second until the import is over; then the page draws its report."""
    try:
        run = api.seen_import(state.page().import_id)
    except ApiError as error:
        draw_problem("import-run", explain(error).text)
        return
    if not run.running:
        st.rerun()
    share = min(1.0, run.done / run.size) if run.size else 0.0
    st.progress(share, f"Reading: {share:.0%} of the file, {run.added + run.extended:,} chats so far.")
    st.caption("It goes on when you leave this page.")


def _report(api: ApiClient) -> None:
    run = api.seen_import(state.page().import_id)
    with st.container(key="import-report", border=True):
        if run.running:
            _watched(api)
            return
        if run.state != "complete":
            why = run.detail or "The server was stopped while it read. Import the same file again: nothing comes twice."
            draw_problem("import-run", why)
        counts = [(run.added, "new"), (run.extended, "continued"), (run.unchanged, "here already")]
        told = " · ".join(f"**{count:,}** {words}" for count, words in (*counts, (run.failed, "not taken")) if count)
        st.markdown(told or "There is no conversation in this file.")
        _lines(run)


def _lines(run: Import) -> None:
    rows = [
        {
            "Chat": one.title or "–",
            "What became of it": OUTCOMES.get(one.outcome, one.outcome),
            "New messages": one.messages,
            "Note": one.detail or None,
        }
        for one in sorted(run.results, key=lambda one: (one.outcome != "failed", not one.detail))
    ]
    if rows:
        draw_table(rows, "What became of each chat", tall=True)
    if run.more:
        st.caption(literal("These are the first thousand."))
