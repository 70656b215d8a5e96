r"""Text of models and people into markdown that is safe to draw and means what they wrote. Pure; knows no Streamlit.

A reply is read as a stream: `lines` says what each line is, `marks` what stands in a line of text, and `reply` puts
them together. Code is left as it is written. Outside of it `\( \)` and `\[ \]` become `$`, dollars that are money stay
money, images become links (nothing is loaded because a model says so), HTML is shown as it was typed, a single `~` is
no strike-through, `:name:` is no emoji or colour, and a typed sign as `->` or `>=` stays what was typed.

What markdown could read in two ways is written so that there is only one: a backtick without a partner is escaped, a
fence that lost its indentation gets it back. What is code here is therefore code on the page.
"""

from ui.render.labels import file_name, label, literal, spoken
from ui.render.reply import ReplyRenderer, reply

__all__ = ["ReplyRenderer", "file_name", "label", "literal", "reply", "spoken"]
