"""What suggests that a field is personal data or a secret: its name, and what its values look like. A guess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from forwarders.contracts.facts import ANY, Path


class Suspicion(msgspec.Struct, frozen=True):
    """`kind` is a class of x-pii; `sure` when hardly anything else is called so."""

    kind: str
    sure: bool
    why: str


_SURE: dict[str, str] = {
    **dict.fromkeys(
        ("email", "e_mail", "mail_address", "email_address", "phone", "phone_number", "telephone"), "contact"
    ),
    **dict.fromkeys(("mobile_number", "msisdn", "fax"), "contact"),
    **dict.fromkeys(("first_name", "last_name", "full_name", "surname", "given_name", "family_name"), "identifier"),
    **dict.fromkeys(("username", "user_name", "login_name", "real_name", "maiden_name", "nickname"), "identifier"),
    **dict.fromkeys(
        ("ip", "ip_address", "client_ip", "remote_ip", "remote_addr", "source_ip", "ipv4", "ipv6"), "identifier"
    ),
    **dict.fromkeys(
        ("ssn", "social_security_number", "passport", "passport_number", "tax_id", "national_id"), "sensitive"
    ),
    **dict.fromkeys(("iban", "credit_card", "card_number", "pan", "cvv", "cvc", "account_number"), "sensitive"),
    **dict.fromkeys(
        ("date_of_birth", "birth_date", "birthdate", "birthday", "dob", "gender", "ethnicity"), "sensitive"
    ),
    **dict.fromkeys(("religion", "diagnosis", "health", "salary"), "sensitive"),
    **dict.fromkeys(("password", "passwd", "secret", "api_key", "apikey", "access_token", "refresh_token"), "secret"),
    **dict.fromkeys(
        ("auth_token", "session_token", "id_token", "private_key", "client_secret", "secret_key"), "secret"
    ),
    **dict.fromkeys(("authorization", "cookie", "set_cookie", "jwt", "bearer", "credentials", "otp"), "secret"),
    **dict.fromkeys(("street", "street_address", "home_address", "postal_address", "billing_address"), "location"),
    **dict.fromkeys(("shipping_address", "postal_code", "zip_code", "zipcode", "postcode"), "location"),
}
_MAYBE: dict[str, str] = {
    **dict.fromkeys(
        ("user", "user_id", "customer_id", "account_id", "member_id", "person_id", "employee_id"), "identifier"
    ),
    **dict.fromkeys(("visitor_id", "device_id", "subscriber_id", "patient_id", "advertising_id"), "identifier"),
    **dict.fromkeys(
        ("latitude", "longitude", "lat", "lon", "lng", "geo", "coordinates", "address", "city"), "location"
    ),
    **dict.fromkeys(("token", "session_id", "session", "fingerprint"), "secret"),
    **dict.fromkeys(("referrer", "referer", "user_agent", "query_string", "comment", "free_text"), "free_text"),
}
_HARMLESS = frozenset(
    [
        "type",
        "kind",
        "count",
        "length",
        "status",
        "version",
        "format",
        "provider",
        "verified",
        "valid",
        "enabled",
        "ms",
        "s",
        "bytes",
        "percent",
        "method",
        "state",
        "changed",
        "source",
        "scheme",
        "prefix",
        "domain",
        "expired",
        "sent",
        "strength",
        "present",
        "required",
    ]
)
"""Last words after which a name is about a thing and is not the thing: `password_length`, `email_status`."""
_HOLDERS = frozenset({"user", "customer", "person", "client", "member", "employee", "account", "contact", "patient"})
"""Objects that are a person: their `id` and `name` are that person's."""

DESCRIBED = {
    "email": "an e-mail address",
    "card": "a card number",
    "ip": "an IP address",
    "jwt": "a token",
    "aws_key": "an AWS key",
    "token": "a secret token",
    "iban": "a bank account",
    "phone": "a telephone number",
}
CLASS = {
    "email": "contact",
    "card": "sensitive",
    "ip": "identifier",
    "jwt": "secret",
    "aws_key": "secret",
    "token": "secret",
    "iban": "sensitive",
    "phone": "contact",
}

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24}")
_CARD = re.compile(
    r"(?<![0-9.])[2-6][0-9]{3}(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{1,7}(?![0-9.])|(?<![0-9])3[47][0-9]{13}(?![0-9])"
)
_IPV4 = re.compile(
    r"(?<![0-9.])(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?![0-9.])"
)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}")
_AWS = re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|sk_live_[A-Za-z0-9]{10,}|"
    r"AIza[A-Za-z0-9_-]{30,}|glpat-[A-Za-z0-9_-]{16,})|-----BEGIN [A-Z ]{0,20}PRIVATE KEY|"
    r"(?i:bearer )[A-Za-z0-9._~+/-]{16,}"
)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_PHONE = re.compile(r"\+[1-9][0-9]{0,3}[ ()/-]?(?:[0-9][ ()/-]?){6,12}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
MAX_CHARS = 4_096


def by_name(path: Path, nodes: Sequence[dict[str, Any]]) -> Suspicion | None:
    """What a field's name suggests, given what its subschemas say; None for booleans, lists of values and objects."""
    if not path or path[-1] == ANY:
        path = tuple(part for part in path if part != ANY)
        if not path:
            return None
    if any({"const", "enum", "x-unit", "x-time", "properties"} & node.keys() for node in nodes):
        return None
    types = {kind for node in nodes for kind in _list(node.get("type", ()))}
    if types and types <= {"boolean", "null", "object", "array"}:
        return None
    name = _CAMEL.sub("_", path[-1]).lower().replace("-", "_")
    holder = path[-2] if len(path) > 1 else ""
    kind, sure = _known(name, holder)
    numeric = bool(types) and types <= {"integer", "number", "null"}
    if not kind or (numeric and kind in ("contact", "secret", "free_text") and not name.endswith(("phone", "number"))):
        return None
    return Suspicion(
        kind, sure, f"{'.'.join(part for part in path if part != ANY)} sounds like personal data or a secret"
    )


def by_value(value: Any) -> str | None:
    """What a value looks like: a key of DESCRIBED, or None."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value)[:MAX_CHARS] if isinstance(value, str) or abs(value) < 10**20 else ""
    if isinstance(value, int):
        return "card" if len(text) in range(13, 20) and _is_card(text) and len(text) != 13 else None
    if _AWS.search(text):
        return "aws_key"
    if _JWT.search(text):
        return "jwt"
    if _TOKEN.search(text):
        return "token"
    if _EMAIL.search(text):
        return "email"
    if any(_is_card(match.group()) for match in _CARD.finditer(text)):
        return "card"
    if _is_ip(text):
        return "ip"
    if _IBAN.fullmatch(text.replace(" ", "")) and _is_iban(text.replace(" ", "")):
        return "iban"
    return "phone" if _PHONE.fullmatch(text) else None


def _known(name: str, holder: str) -> tuple[str, bool]:
    if name.rpartition("_")[2] in _HARMLESS:
        return "", False
    for table, sure in ((_SURE, True), (_MAYBE, False)):
        if name in table:
            return table[name], sure
    words = name.split("_")
    for table, sure in ((_SURE, True), (_MAYBE, False)):
        # `billing_email`, `user_ip_address`: the end of a name says what it is.
        for start in range(1, len(words)):
            tail = "_".join(words[start:])
            if tail in table and (sure or start == len(words) - 2 or len(words) == 2):
                return table[tail], sure and tail not in ("health", "pan", "street", "secret", "fax")
    if holder in _HOLDERS and name in ("id", "name"):
        return "identifier", name == "name"
    return "", False


def _list(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types


def _is_card(text: str) -> bool:
    digits = [int(char) for char in text if char.isdigit()]
    if not 13 <= len(digits) <= 19 or digits[0] not in (2, 3, 4, 5, 6) or len(set(digits)) == 1:
        return False
    total = sum(digit if i % 2 == 0 else digit * 2 - 9 * (digit > 4) for i, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def _is_ip(text: str) -> bool:
    found = (match.group() for match in _IPV4.finditer(text))
    return any(one not in ("0.0.0.0", "127.0.0.1") for one in found) or _is_ipv6(text)  # noqa: S104


def _is_ipv6(text: str) -> bool:
    if text.count(":") < 2 or len(text) > 45 or text in ("::", "::1"):
        return False
    import ipaddress

    try:
        ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_iban(text: str) -> bool:
    moved = text[4:] + text[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1
