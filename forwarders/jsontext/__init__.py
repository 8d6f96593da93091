"""Events as text: checked, edited and flattened without making a number or a string anew.

Floor 0. Every copy of an event is cut from the text that came, so an integer that a double cannot hold, a long decimal
or -0 arrives digit for digit. `decode` is the fast parser; `has_unique_keys` proves that its text may be spliced as it
is; `load` is the slow one, which decides exactly; `editor`, `move_extra` and `flatten` cut and join.
"""

from forwarders.jsontext.edit import Change, Path, edit, editor, raw
from forwarders.jsontext.extra import EXTRA, MAX_EXTRA, move_extra
from forwarders.jsontext.flat import flatten
from forwarders.jsontext.keys import MAX_DEPTH, has_unique_keys, key_count
from forwarders.jsontext.load import DECODE_ERRORS, Loaded, decode, load, one_line

__all__ = [
    "DECODE_ERRORS",
    "EXTRA",
    "MAX_DEPTH",
    "MAX_EXTRA",
    "Change",
    "Loaded",
    "Path",
    "decode",
    "edit",
    "editor",
    "flatten",
    "has_unique_keys",
    "key_count",
    "load",
    "move_extra",
    "one_line",
    "raw",
]
