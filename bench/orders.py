"""The event of workload (b): order.placed with 25 fields in nested objects, about 900 bytes."""

from __future__ import annotations

import random
from typing import Any


def order_placed(rnd: random.Random, at_ms: int) -> dict[str, Any]:
    """One order as a shop's function logs it."""
    subtotal = rnd.randrange(1_000, 90_000)
    return {
        "timestamp": at_ms,
        "event": "order.placed",
        "event_version": 1,
        "trace_id": f"{rnd.getrandbits(128):032x}",
        "order": {
            "id": f"ord_{rnd.getrandbits(80):020x}_{rnd.getrandbits(64):016x}",
            "channel": rnd.choice(["web", "app", "phone", "marketplace"]),
            "currency": rnd.choice(["EUR", "USD", "CHF"]),
            "item_count": rnd.randrange(1, 9),
            "is_gift": rnd.random() < 0.1,
        },
        "customer": {
            "id": f"cus_{rnd.getrandbits(128):032x}",
            "email": f"{rnd.getrandbits(64):016x}.{rnd.getrandbits(64):016x}@customers.mail.example.org",
            "segment": rnd.choice(["new-customer", "returning-customer", "business-customer"]),
            "country": rnd.choice(["AT", "DE", "US"]),
            "order_number": rnd.randrange(1, 90),
        },
        "totals": {
            "subtotal_minor": subtotal,
            "discount_minor": subtotal // 10,
            "tax_minor": subtotal // 5,
            "shipping_minor": 490,
            "grand_total_minor": subtotal + subtotal // 5 - subtotal // 10 + 490,
        },
        "payment": {
            "method": rnd.choice(["card", "paypal", "invoice"]),
            "provider": rnd.choice(["payment-provider-one", "payment-provider-two"]),
            "is_captured": True,
            "installments": rnd.randrange(1, 13),
        },
        "shipping": {
            "method": rnd.choice(["standard-parcel", "parcel-shop-pick-up"]),
            "carrier": rnd.choice(["carrier-of-the-north", "carrier-of-the-south"]),
            "country": rnd.choice(["AT", "DE", "US"]),
            "postal_code": f"{rnd.randrange(10_000, 99_999)}-{rnd.randrange(1000, 9999)}",
            "is_express": rnd.random() < 0.2,
        },
    }
