"""Payment card numbers in text."""

from __future__ import annotations

import re

CARD = "[redacted:card]"
DIGITS = "[redacted:digits]"

_FEWEST, _MOST = 13, 19
_RUN = re.compile(r"[0-9](?:[ -]?[0-9]){12,}+")
_CANDIDATE = re.compile(r"(?<![0-9])(?:[2-6]|1(?:[ -]?[08]){2})(?:[ -]?[0-9]){12}")
"""No less than what begins like a card number; times in ms do not, and they are everywhere."""
_UUID_END = re.compile(r"[0-9]{1,8}(?:-[0-9]{4}){0,3}-[0-9]{12}")
_MAX_GROUPS = 12
"""No card number is written in as many; to try every cut of a longer run would take too long."""
_MAX_CHECKED = 1000
"""Runs of one text that are checked; all further ones are taken for card numbers."""

_DOUBLED = {str(digit): digit * 2 // 10 + digit * 2 % 10 for digit in range(10)}


def redact_cards(text: str) -> str:
    """The text without card numbers: 13 to 19 digits, in groups parted by a space or a hyphen or in one, that begin as
    those of an issuer do and pass the Luhn check. Linear: in a text of more than 1,000 candidates the later ones are
    redacted unchecked, and so is a run of more than 12 groups.
    """
    if _CANDIDATE.search(text) is None:
        return text
    checked = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal checked
        checked += 1
        run = match.group()
        if run.isdigit():
            if len(run) > _MOST or _is_fraction(text, match.start()):
                return run
            return CARD if checked > _MAX_CHECKED or _is_card(run) else run
        if checked > _MAX_CHECKED:
            return DIGITS
        if _UUID_END.fullmatch(run):
            return run
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        return _without_cards(run, before.isalpha(), after.isalpha())

    return _RUN.sub(replace, text)


def _without_cards(run: str, glued_before: bool, glued_after: bool) -> str:
    """The run with every sequence of whole groups that is a card number replaced.

    A group that is glued to a letter (the end of a UUID) is a card number alone or not at all.
    """
    parts = re.split("([ -])", run)
    groups = parts[::2]
    if len(groups) > _MAX_GROUPS:
        return DIGITS
    result = ""
    at = 0
    while at < len(groups):
        end = _card_end(groups, at, glued_before, glued_after)
        if end is None:
            result += groups[at]
            end = at + 1
        else:
            result += CARD
        at = end
        if at < len(groups):
            result += parts[2 * at - 1]
    return result


def _card_end(groups: list[str], at: int, glued_before: bool, glued_after: bool) -> int | None:
    """The end of the longest card number that begins with the group at `at`."""
    digits, found = "", None
    for end in range(at + 1, len(groups) + 1):
        digits += groups[end - 1]
        if len(digits) > _MOST:
            break
        alone = end == at + 1
        glued = (glued_before and at == 0) or (glued_after and end == len(groups))
        if (alone or not glued) and _is_card(digits):
            found = end
    return found


def _is_fraction(text: str, start: int) -> bool:
    return text[start - 1 : start] == "." and text[max(start - 2, 0) : start - 1].isdigit()


def _is_card(digits: str) -> bool:
    """Length, issuer and check digit. Times in ms, µs and ns begin with 1 and are none."""
    count = len(digits)
    if count < _FEWEST or count > _MOST or not _has_issuer(digits, count):
        return False
    total = sum(map(int, digits[-1::-2])) + sum(map(_DOUBLED.__getitem__, digits[-2::-2]))
    return total % 10 == 0


def _has_issuer(digits: str, count: int) -> bool:
    first = digits[0]
    if count == 13:
        return first == "4"
    if count == 15:
        return digits[:2] in ("34", "37") or digits[:4] in ("1800", "2131")
    if first == "2":
        return "2200" <= digits[:4] <= "2720"
    return first in "3456"
