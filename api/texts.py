"""What the pages say, in Chinese and in English."""

from __future__ import annotations

from typing import Literal

Language = Literal["zh-CN", "en"]
LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")

_STAGES: dict[Language, dict[str, str]] = {
    "zh-CN": {
        "received": "已接单",
        "verified": "已核验",
        "stock_locked": "已锁定库存",
        "vehicle_assigned": "已派车",
        "picked": "已拣货",
        "packed": "已打包",
        "loaded": "已装车",
        "dispatched": "已发车",
        "at_hub": "到达中转站",
        "out_for_delivery": "派送中",
        "arrived": "已到达",
        "delivered": "已签收",
        "confirmed": "已确认",
    },
    "en": {
        "received": "Received",
        "verified": "Verified",
        "stock_locked": "Stock locked",
        "vehicle_assigned": "Vehicle assigned",
        "picked": "Picked",
        "packed": "Packed",
        "loaded": "Loaded",
        "dispatched": "Dispatched",
        "at_hub": "At hub",
        "out_for_delivery": "Out for delivery",
        "arrived": "Arrived",
        "delivered": "Delivered",
        "confirmed": "Confirmed",
    },
}

_ALERTS: dict[Language, dict[str, str]] = {
    "zh-CN": {
        "late_risk": "可能晚点",
        "late": "已晚点",
        "stale": "车辆失联",
        "stage_overdue": "环节超时",
        "off_route": "偏离路线",
        "long_stop": "停留过久",
        "restricted_area": "进入禁区",
        "scan_mismatch": "扫描位置不符",
        "temperature": "温度异常",
        "eta_drift": "预计时间变差",
    },
    "en": {
        "late_risk": "May be late",
        "late": "Late",
        "stale": "Vehicle silent",
        "stage_overdue": "Stage overdue",
        "off_route": "Off route",
        "long_stop": "Standing for long",
        "restricted_area": "In a restricted area",
        "scan_mismatch": "Scanned elsewhere",
        "temperature": "Temperature",
        "eta_drift": "Estimates have got worse",
    },
}

_PHRASES: dict[Language, dict[str, str]] = {
    "zh-CN": {
        "tracking_title": "订单跟踪",
        "order": "订单",
        "promised": "承诺送达",
        "expected": "预计到达",
        "at_latest": "最迟",
        "planned": "计划",
        "packages": "包裹",
        "vehicle": "车辆",
        "seen": "定位于",
        "stale": "定位已过时",
        "no_vehicle": "运输途中才显示车辆位置。",
        "cancelled": "订单已取消",
        "late": "已晚点",
        "connecting": "正在连接…",
        "live": "实时更新",
        "reconnecting": "连接中断，正在重试…",
        "ended": "此链接已失效。",
        "no_script": "本页需要 JavaScript 才能显示实时信息。",
        "dispatch_title": "调度总览",
        "token": "管理员令牌",
        "enter": "进入",
        "leave": "退出",
        "wrong_token": "令牌不正确。",
        "vehicles": "车辆",
        "alerts": "未解除的警报",
        "orders": "未完成的订单",
        "label": "车牌",
        "position": "位置",
        "speed": "速度",
        "stage": "进度",
        "acknowledge": "知道了",
        "acknowledged": "已确认",
        "open_page": "客户页面",
        "nothing": "暂无",
        "unreachable": "服务暂不可用，正在重试…",
    },
    "en": {
        "tracking_title": "Order tracking",
        "order": "Order",
        "promised": "Promised by",
        "expected": "Expected",
        "at_latest": "at the latest",
        "planned": "Planned",
        "packages": "Packages",
        "vehicle": "Vehicle",
        "seen": "Seen",
        "stale": "The position is out of date",
        "no_vehicle": "The vehicle is shown while it is on its way.",
        "cancelled": "This order was cancelled",
        "late": "Late",
        "connecting": "Connecting…",
        "live": "Live",
        "reconnecting": "Connection lost, trying again…",
        "ended": "This link is no longer valid.",
        "no_script": "This page needs JavaScript to show live information.",
        "dispatch_title": "Dispatch overview",
        "token": "Administrator's token",
        "enter": "Enter",
        "leave": "Leave",
        "wrong_token": "That token is not right.",
        "vehicles": "Vehicles",
        "alerts": "Open alerts",
        "orders": "Open orders",
        "label": "Label",
        "position": "Position",
        "speed": "Speed",
        "stage": "Stage",
        "acknowledge": "Acknowledge",
        "acknowledged": "Acknowledged",
        "open_page": "Customer's page",
        "nothing": "None",
        "unreachable": "The service is not available, trying again…",
    },
}


def texts_in(language: Language) -> dict[str, str]:
    """Everything the pages say in a language; stages and alerts under `stage.` and `alert.`."""
    stages = {f"stage.{stage}": text for stage, text in _STAGES[language].items()}
    alerts = {f"alert.{kind}": text for kind, text in _ALERTS[language].items()}
    return {**_PHRASES[language], **stages, **alerts}


def preferred_language(asked: str | None, accepted: str | None) -> Language:
    """The language asked for by name, else the best of an Accept-Language header, else Chinese."""
    for language in LANGUAGES:
        if asked == language:
            return language
    for code in _by_quality(accepted or ""):
        if code.startswith("zh"):
            return "zh-CN"
        if code.startswith("en"):
            return "en"
    return "zh-CN"


def _by_quality(header: str) -> list[str]:
    """Language codes of an Accept-Language header in lower case, the most wanted first."""
    wanted = []
    for part in header.split(","):
        code, _, parameter = part.strip().partition(";")
        quality = parameter.strip().removeprefix("q=")
        wanted.append((_number(quality) if parameter else 1.0, code.strip().lower()))
    return [code for quality, code in sorted(wanted, key=lambda item: -item[0]) if quality > 0]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
