"""Text that no format knows: it lands as it is, as event `legacy.text`."""

from __future__ import annotations

import msgspec

from forwarders.formats.parsed import Context, Parsed, flagged

LEGACY_TEXT = "legacy.text"
MAX_TEXT_CHARS = 65_536

encode = msgspec.json.Encoder().encode


def legacy_text(text: str, context: Context | None = None) -> Parsed:
    """`legacy.text` with the text, without its line end, under `message`.

    More than 65,536 characters are cut to that, with a mark that says how many there were and the flag `text_cut`;
    half a surrogate pair becomes U+FFFD with the flag `lone_surrogate`.
    """
    text = text.rstrip("\r\n")
    if len(text) > MAX_TEXT_CHARS:
        mark = f" …[cut: {len(text)} characters]"
        text = text[: MAX_TEXT_CHARS - len(mark)] + mark
        context = flagged(context, "text_cut")
    try:
        message = encode(text).decode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        message = encode(text).decode()
        context = flagged(context, "lone_surrogate")
    return LEGACY_TEXT, f'{{"message":{message}}}', {"message": text}, context


def text_line(text: str) -> Parsed:
    """A line as `legacy.text`, whatever it holds."""
    return legacy_text(text)
