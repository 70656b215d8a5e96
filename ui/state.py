"""Every key of `st.session_state` that is ours, with its default and what it means.

Nothing here is the truth about chats or people: that is in the API. Tokens are not here either (`sign_in.sessions`).
Widgets' own keys are named where the widget is drawn and read through `take`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

import streamlit as st

from ui.api_client import (
    ApiKey,
    Attachment,
    ChatUsage,
    Command,
    Limit,
    ModelCatalogue,
    ModelConfig,
    Outcome,
    Picture,
    Prompt,
    Shelves,
    SlackCode,
    Trial,
)

SignInForm = Literal["sign_in", "register", "api_key"]

PREFIX = "parley_"
COMPOSER = "composer"  # the chat input's widget key: set before it is drawn, its text comes back into the box


@dataclass
class Draft:
    """A message that is not sent yet: where it was typed ("" is a new chat), where it goes once there is a chat for
    it, the key that keeps it from being posted twice, and the command that it is, when it is one."""

    typed_in: str
    chat_id: str
    text: str
    key: str
    errand: Future[Outcome] | None = None


@dataclass
class Queued:
    """A message that waits for a running reply's end; when it is `held` it waits for a person."""

    text: str
    key: str
    held: bool = False


@dataclass(frozen=True)
class Drawing:
    """Images that are being made."""

    prompt: str
    count: int
    errand: Future[list[Picture]]


@dataclass
class Tray:
    """Files that wait to be sent."""

    name: str
    files: list[Attachment] = field(default_factory=list)
    rounds: int = 0  # how often the field for them was emptied
    taken: set[str] = field(default_factory=set)  # files of that field that are uploaded, or were refused

    @property
    def field_key(self) -> str:
        return f"{self.name}-{self.rounds}"

    @property
    def ids(self) -> list[str]:
        return [file.id for file in self.files]


@dataclass
class Comparison:
    """A question to several models that is being sent: the chat made for it, and the key that posts it once. `unsure`:
    an earlier attempt may have been stored."""

    text: str
    models: list[str]
    files: list[str]
    key: str
    chat_id: str = ""
    unsure: bool = False


@dataclass(frozen=True)
class Dialog:
    """The open dialog, and the chat it is about if any. Kept until it is dismissed, whatever reruns the page."""

    kind: Literal["rename", "move", "tags", "delete", "export", "shortcuts", "active"]
    chat_id: str
    title: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Question:
    """Asked before something is done that cannot be undone. `act` says what went wrong, or nothing."""

    title: str
    text: str
    yes: str
    act: Callable[[], str]
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Blanks:
    """Asked for before a prompt is used. `act` takes what they are filled with and says what is wrong, or nothing."""

    prompt: Prompt
    values: dict[str, str]
    act: Callable[[dict[str, str]], str]
    later: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Notice:
    """Something went wrong: told above the composer (or the form) until the next thing is done."""

    text: str
    kind: Literal["error", "warning", "info"] = "error"


@dataclass
class PageState:
    handle: str = ""  # this tab's session handle; "" when signed out
    user_id: str = ""  # whose it is
    unsent: tuple[str, str] | None = None  # a user's id and the text their ended session could not send
    seen_cookie: str | None = None  # digest of the cookie at the last run; None before the first
    refused_cookie: str = ""  # digest of a cookie whose session has ended, so that it is not tried on every run
    ticket: str = ""  # a ticket the browser has yet to exchange for the cookie
    leaving: bool = False  # signed out: the cookie is being removed and the page reloaded
    form: SignInForm = "sign_in"  # which form a signed-out person sees
    form_errors: dict[str, str] = field(default_factory=dict)  # field → what is wrong with it; "" is the whole form
    asks_setup_code: bool = False  # the server wants the one-time code for its first account
    shown_chats: int = 30  # how many chats the sidebar lists
    archive: bool = False  # the sidebar lists the archived ones
    shelf: tuple[str, str] = ("", "")  # and of which folder or tag, by kind and name
    shelves: Shelves | None = None  # the folders and tags there are, kept for a minute
    shelves_at: float = -1e9
    picking: bool = False  # several chats are being chosen
    picked: list[str] = field(default_factory=list)
    dialog: Dialog | None = None
    notice: Notice | None = None
    draft: Draft | None = None
    heard: str = ""  # what the composer's callback was called for last
    begun_here: str = ""  # the chat that the empty page has just become; "" once an empty page is drawn again
    pending: list[Draft] = field(default_factory=list)  # commands that take their time
    queued: dict[str, list[Queued]] = field(default_factory=dict)  # by chat, in the order in which they were written
    queue_rows: int = 0  # how many of them were shown at most
    files: Tray = field(default_factory=lambda: Tray("files"))  # they go with the next message
    compare_files: Tray = field(default_factory=lambda: Tray("compare-files"))  # and these with the next comparison
    pictures: dict[str, bytes] = field(default_factory=dict)  # of messages that were shown, by their files' ids
    drawing: Drawing | None = None
    image_words: str = ""  # what the last image was to show
    image_needs_key: bool = False  # the form for images says that no provider can
    shown_images: int = 12
    previews: dict[str, bytes] = field(default_factory=dict)  # of images, by id; empty where there can be none
    compared: Comparison | None = None
    lanes: tuple[list[str], bool] = field(default_factory=lambda: ([], False))  # those shown, and in which place of two
    commands: list[Command] | None = None  # the slash commands there are, asked for once
    result: tuple[str, Outcome] | None = None  # a chat and the list that the last command gave there
    editing: str = ""  # the message whose words are being changed
    copied: tuple[str, str] | None = None  # a click on Copy and the text that the browser is to take
    refill: str | None = None  # text to put into the composer at the next run
    begun: dict[str, Any] = field(default_factory=dict)  # the settings of the chat that the next message begins
    set_anew: dict[str, int] = field(default_factory=dict)  # how often a setting's widget was replaced by a new one
    answering: str = ""  # the model that answers in the open chat
    planned: str | None = None  # the open chat, when it is in plan mode: its messages name no model
    saved_plan: tuple[str, str] = ("", "")  # a click that saved a plan, and the message that it became
    sums: tuple[str, ChatUsage] | None = None  # what a chat took, and the state of the chat that this is of
    model: str = ""  # the model chosen last; new chats start with it
    toast: str = ""  # said once
    catalogue: ModelCatalogue | None = None  # the models that can be chosen, kept for some minutes
    catalogue_at: float = 0.0
    default_model: str = ""  # what a new chat starts with when none was chosen yet
    earlier: tuple[str, int] = ("", 0)  # a chat and how many pages of its earlier messages are shown
    jump: tuple[str, str] = ("", "")  # a chat, and the message in it that was looked for
    asked_for: str = ""  # the newest message, when it was asked for: wherever one reads, it is scrolled to
    going: str | None = None  # a chat to show ("" is a new one), when another page of ours is open
    visit: str = ""  # another page of ours to go to at the next run
    adding: str = ""  # the provider whose form is open on the Models page
    changing: ModelConfig | None = None  # and the config that the form changes; None adds one
    slack_code: SlackCode | None = None  # made just now, for the person to send in Slack
    avatars_taken: int = 0  # how often the account's picture was changed here
    avatar: tuple[str, bytes] = ("", b"")  # and the picture, with the account's last change
    import_id: str = ""  # the import whose progress and report the settings show
    trying: str = ""  # the config that is tried out at the next run
    trials: dict[str, Trial] = field(default_factory=dict)  # how that went, by the config's id
    account_form: tuple[str, str] = ("", "")  # on the Admin page: "password" or "limits", and whose
    open_prompt: str = ""  # the prompt that the Prompts page shows; "new" is an empty form, "" the list
    active_prompt: Prompt | None = None  # what the sidebar says, kept for some minutes
    active_prompt_at: float = -1e9
    changed_prompt: Prompt | None = None  # the one in the dialog of the active prompt, as it was when it was opened
    prompts: list[Prompt] = field(default_factory=list)  # the library, to choose from; as old as the line above
    pulling: tuple[str, str] | None = None  # a config's id ("" is the operator's Ollama) and the model it fetches
    finished: str = ""  # the reply that was followed to its end last
    question: Question | None = None
    blanks: Blanks | None = None
    new_key: ApiKey | None = None  # an API key just made, shown this once
    left: tuple[Limit, ...] = ()  # of the hourly limits, kept for half a minute
    left_at: float = -1e9
    places: dict[str, Any] = field(default_factory=dict)  # Streamlit's handles of the pages by path; set on every run

    @property
    def modal(self) -> bool:
        """Something lies over the page and waits for an answer."""
        return (self.dialog or self.question or self.blanks) is not None


def page() -> PageState:
    """This tab's state, made on first use."""
    key = PREFIX + "page"
    if key not in st.session_state:
        st.session_state[key] = PageState()
    found = st.session_state[key]
    assert isinstance(found, PageState)
    return found


def clear() -> None:
    """Forget everything of this tab: another person's session, or none, begins. The seen cookie is a browser's fact."""
    seen, refused = page().seen_cookie, page().refused_cookie
    st.session_state.clear()
    fresh = page()
    fresh.seen_cookie, fresh.refused_cookie = seen, refused


def beat() -> None:
    """A point where Streamlit may end this run because of a click; costs nothing and sends nothing."""
    _ = PREFIX + "page" in st.session_state


def widget(key: str, default: Any = None) -> Any:
    """The value of a widget, in its callback."""
    return st.session_state.get(key, default)


def put_widget(key: str, value: Any) -> None:
    """Sets a widget's value before it is drawn."""
    st.session_state[key] = value
