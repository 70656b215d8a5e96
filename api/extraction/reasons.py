"""Why a file is not taken: a word for programs, and words for people. The child imports this, so it imports nothing."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "empty": "The file is empty.",
    "wrong_extension": "The file's name and its content do not agree.",
    "not_taken": "Files of this kind are not taken: send text, source code, PDF, DOCX, or an image as PNG, JPEG, GIF or"
    " WebP.",
    "not_text": "The file is not text in UTF-8. Save it as UTF-8 and send it again.",
    "encrypted": "The document is protected by a password. Remove the protection and send it again.",
    "damaged": "The document is damaged and cannot be read. Open it, save it anew and send that.",
    "no_text": "The document holds no text, only pictures of it perhaps. Send the pages as images.",
    "too_long": "The file has more text than one message may carry. Send a part of it.",
    "too_heavy": "Reading the document took more time or memory than a file may take. Send a simpler or shorter one.",
    "unsafe": "The document declares entities of its own, which no honest program does. Save it anew and send that.",
    "account_full": "Your files take all the room that an account has here. Delete some chats with files in them.",
}


class Unreadable(Exception):
    """`reason` is a key of WORDS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
