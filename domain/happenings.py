"""What happens to an order besides its stages, and the states it is in because of that."""

from __future__ import annotations

from enum import StrEnum


class Happening(StrEnum):
    """Evidence that is no stage: it opens or ends a state, stops a clock, or is only worth knowing."""

    PENDING_INFO = "pending_info"
    RESUBMITTED = "resubmitted"
    AWAITING_TRANSFER = "awaiting_transfer"
    TRANSFER_ARRIVED = "transfer_arrived"
    ADDRESS_REVIEW = "address_review"
    ADDRESS_CONFIRMED = "address_confirmed"
    EXCEPTION = "exception"
    ATTEMPT_FAILED = "attempt_failed"
    REFUSED = "refused"
    EXCEPTION_RESOLVED = "exception_resolved"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    CUSTOMER_TOLD = "customer_told"
    SURVEYED = "surveyed"
    APPROACHED = "approached"
    WAYBILL = "waybill"


class State(StrEnum):
    """What an order as a whole is in; of several that hold, the first named here is shown."""

    CANCELLED = "cancelled"
    RETURNED = "returned"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    PENDING_INFO = "pending_info"
    ADDRESS_REVIEW = "address_review"
    AWAITING_TRANSFER = "awaiting_transfer"
    PARTLY_DELIVERED = "partly_delivered"
    OPEN = "open"


CLOSED = frozenset({State.CANCELLED, State.RETURNED, State.DELIVERED})
