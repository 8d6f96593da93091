"""Text with `*`: the parts between the stars are looked for from left to right, each where it first occurs.

AWS never goes back to a later occurrence: `*111.111.111` does not match `111.111.111.111`, because the first
`111.111.111` does not end where the text ends (observed with TestMetricFilter, docs/filter-patterns.md). So it is
linear as well.
"""

from __future__ import annotations

from collections.abc import Callable


def globbed(literal: str) -> Callable[[str], bool]:
    """The test for a literal with at least one star."""
    head, *middle, tail = literal.split("*")
    inner = [part for part in middle if part]
    if not inner and not tail:
        return lambda text: text.startswith(head)

    def matches(text: str) -> bool:
        if not text.startswith(head):
            return False
        at = len(head)
        for part in inner:
            found = text.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return not tail or text.find(tail, at) == len(text) - len(tail) >= at

    return matches
