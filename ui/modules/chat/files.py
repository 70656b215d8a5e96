"""Files of messages: taken for the next one as soon as they are chosen, and shown with those that carry them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Attachment
from ui.render import label, literal
from ui.sign_in.current import my_client
from ui.wording import explain

KEPT_PICTURES = 30  # of a tab, so that not every run asks for them again
MOST = 10


def draw_choice(tray: state.Tray) -> None:
    """The clip: whatever is chosen there goes with the next message."""
    with st.popover("Attach", icon=":material/attach_file:", type="tertiary", key="attach"):
        st.file_uploader(
            "Text, source code, PDF, Word or pictures",
            accept_multiple_files=True,
            key=tray.field_key,
            on_change=take,
            args=(tray,),
        )


def draw_waiting(tray: state.Tray) -> None:
    """The files that wait for the message, above its box."""
    if not tray.files:
        return
    with st.container(key=tray.name, horizontal=True, vertical_alignment="center", gap="small"):
        for file in tray.files:
            with st.container(key=f"file-{file.id}", border=True, horizontal=True, width="content"):
                _shown(file)
                st.button(
                    f"Remove {label(file.name)}",
                    key=f"icon-file-{file.id}",
                    icon=":material/close:",
                    type="tertiary",
                    on_click=remove,
                    args=(tray, file.id),
                )


def draw_sent(files: Iterable[Attachment]) -> None:
    """The files of a message that is there."""
    for file in files:
        _shown(file)


def take(tray: state.Tray) -> None:
    """What was chosen is uploaded; what is refused is said."""
    page = state.page()
    page.notice = None
    api = my_client()
    refused = []
    for chosen in state.widget(tray.field_key) or []:
        if chosen.file_id in tray.taken:
            continue
        tray.taken.add(chosen.file_id)
        if len(tray.files) >= MOST:
            refused.append(f"{chosen.name}: a message carries {MOST} files at most.")
            continue
        try:
            tray.files.append(api.upload(chosen.name, chosen.getvalue()))
        except ApiError as error:
            refused.append(f"{chosen.name}: {explain(error).text}")
    if refused:
        page.notice = state.Notice(" ".join(refused))
    tray.rounds += 1  # the field is empty again


def remove(tray: state.Tray, attachment_id: str) -> None:
    tray.files = [file for file in tray.files if file.id != attachment_id]
    with suppress(ApiError):  # nobody sends it, so it goes by itself
        my_client().delete_attachment(attachment_id)


def _shown(file: Attachment) -> None:
    picture = _picture(my_client(), file) if file.is_image else None
    if picture is not None:
        st.image(picture, width=160)
    st.caption(f":material/{'image' if file.is_image else 'description'}: {literal(file.name)} · {_size(file.size)}")


def _picture(api: ApiClient, file: Attachment) -> bytes | None:
    kept = state.page().pictures
    if file.id not in kept:
        try:
            kept[file.id] = api.attachment_content(file.id)
        except ApiError as error:
            if error.away:
                raise
            return None
        while len(kept) > KEPT_PICTURES:
            del kept[next(iter(kept))]
    return kept[file.id]


def _size(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB" if count >= 1_000_000 else f"{max(1, round(count / 1000))} KB"
