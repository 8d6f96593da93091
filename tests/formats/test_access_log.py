"""Access lines: the quick reading and the careful one are the same reading."""

from hypothesis import given, settings
from hypothesis import strategies as st

from forwarders.formats import access_log

word = st.text(alphabet='ab1.-:[]"\\ \t?/=é', min_size=0, max_size=5)
lines = st.builds(
    lambda host, ident, user, when, request, status, size, rest, end: (
        f'{host} {ident} {user} [{when}] "{request}" {status} {size}{rest}{end}'
    ),
    st.sampled_from(["1.2.3.4", "::1", "host", "-"]) | word,
    st.sampled_from(["-"]) | word,
    st.sampled_from(["-", "frank", '""']) | word,
    st.sampled_from(["17/May/2015:10:05:03 +0000", "31/Feb/2015:10:05:03 +0000", "17/May/2015:10:05:60 -0130"]) | word,
    st.sampled_from(["GET /a?b=c HTTP/1.1", "POST http://h/x HTTP/2.0", "-", "GET /a b HTTP/1.1", "FOO / HTTP/1.1"])
    | word,
    st.sampled_from(["200", "404", "20", "099"]),
    st.sampled_from(["12", "-", "1" * 19, "+5", "٣"]),
    st.sampled_from(["", ' "-" "-"', ' "http://r/" "curl/8"', ' "" ""', ' "a" "b" "c"', ' "a\\"b" "c"']),
    st.sampled_from(["", "\n", "\r\n", " "]),
)


@settings(max_examples=3000)
@given(lines)
def test_what_is_read_quickly_is_read_the_same_with_care(line: str) -> None:
    """The quick reading takes fewer lines, and never another event out of one."""
    try:
        quick = access_log._quick(line)
    except ValueError:
        return
    if quick is not None:
        assert quick == access_log._careful(line)
