"""What notices say: a partner's JSON, or a customer's sentence in Chinese or English."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from store.notices import Notice

Language = Literal["zh-CN", "en"]

_SUBJECTS: dict[Language, str] = {"zh-CN": "订单 {number}", "en": "Order {number}"}
_TEXTS: dict[Language, dict[str, str]] = {
    "zh-CN": {
        "received": "您的订单 {number} 已收到，预计 {promised} 前送达。",
        "dispatched": "您的订单 {number} 已发货，{waybill}{window}查看进度：{link}",
        "link": "您的订单 {number} 的进度：{link}",
        "out_for_delivery": "您的订单 {number} 正在派送，{window}",
        "approaching": "您的订单 {number} 即将送达，{window}请留意。",
        "new_window": "抱歉，您的订单 {number} 可能晚于承诺的 {promised} 送达，{window}",
        "exception_opened": "您的订单 {number} 派送遇到问题，我们正在处理。",
        "exception_resolved": "您的订单 {number} 的问题已解决，继续派送。",
        "delivered": "您的订单 {number} 已送达。",
        "survey": "您的订单 {number} 已送达，请为我们的服务评分。",
    },
    "en": {
        "received": "We have received your order {number} and will deliver it by {promised}.",
        "dispatched": "Your order {number} is on its way. {waybill}{window}Follow it: {link}",
        "link": "Follow your order {number}: {link}",
        "out_for_delivery": "Your order {number} is out for delivery. {window}",
        "approaching": "Your order {number} is nearly there. {window}",
        "new_window": "We are sorry: your order {number} may arrive later than {promised}. {window}",
        "exception_opened": "There is a problem with the delivery of your order {number}. We are on it.",
        "exception_resolved": "The problem with your order {number} is solved. It is on its way again.",
        "delivered": "Your order {number} has been delivered.",
        "survey": "Your order {number} has been delivered. How did we do?",
    },
}
_WINDOWS: dict[Language, str] = {
    "zh-CN": "预计 {p50} 至 {p90} 到达。",
    "en": "Expected between {p50} and {p90}. ",
}


_WAYBILLS: dict[Language, str] = {"zh-CN": "运单号 {waybill}，", "en": "Waybill {waybill}. "}


def event_body(notice: Notice, link: str | None) -> dict[str, Any]:
    """What a partner's webhook gets: which order, what, when; no personal data."""
    return {
        "type": f"order.{notice.event}",
        "timestamp": notice.created_at.isoformat(),
        "data": {
            "order_id": str(notice.order_public_id),
            "number": notice.number,
            "channel_reference": notice.channel_reference,
            "waybill": notice.waybill,
            "at": notice.event_at.isoformat(),
            "state": notice.state,
            "promised_at": notice.promised_at.isoformat(),
            "expected_at": _iso(notice.p50_at),
            "expected_at_latest": _iso(notice.p90_at),
            "tracking_url": link,
            **({"roles": notice.detail["roles"]} if notice.detail.get("roles") else {}),
        },
    }


def subject(notice: Notice, language: Language) -> str:
    """The subject of an e-mail."""
    return _SUBJECTS[language].format(number=notice.number)


def text(notice: Notice, language: Language, link: str | None) -> str:
    """What a customer reads, in the depot's local time."""
    zone = ZoneInfo(notice.time_zone)
    window = ""
    if notice.p50_at is not None and notice.p90_at is not None:
        window = _WINDOWS[language].format(p50=_local(notice.p50_at, zone), p90=_local(notice.p90_at, zone))
    waybill = "" if notice.waybill is None else _WAYBILLS[language].format(waybill=notice.waybill)
    return (
        _TEXTS[language][notice.event]
        .format(
            number=notice.number,
            promised=_local(notice.promised_at, zone),
            window=window,
            waybill=waybill,
            link=link or "",
        )
        .strip()
    )


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%m-%d %H:%M}"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
