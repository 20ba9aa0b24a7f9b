"""Where the database's errors become ours, in words that say what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from store.errors import Conflict, StoreError, Unavailable, Unstorable
from store.pool import Connection, Pool

ACQUIRE_TIMEOUT_S = 5.0

_ADVICE = {
    "app_user_login_key": "Somebody has this login already. Choose another.",
    "app_user_oidc_subject_key": "Somebody else has this subject of the identity provider.",
    "shipper_code_key": "A shipper with this code exists already. Choose another code.",
    "driver_code_key": "A driver with this login exists already. Choose another login.",
    "depot_code_key": "A depot with this code exists already. Choose another code.",
    "vehicle_label_key": "A vehicle with this label exists already. Choose another label.",
    "device_name_key": "A device with this name exists already. Choose another name.",
    "device_assignment_device_id_period_excl": (
        "The device is assigned to something else during this time. Choose a period that does not overlap."
    ),
    "geofence_version_geofence_id_valid_excl": (
        "Another version of this geofence holds at this time. Choose a later valid_from."
    ),
    "trip_vehicle_id_active_excl": (
        "The vehicle has another trip at this time. Cancel that one, or choose a time when it is free."
    ),
    "orders_number_key": "An order with this number exists already. Choose another number, or leave it out.",
    "package_code_key": "A package with this code is registered already. Choose another code.",
    "leg_order_id_package_id_trip_id_bound_by_bound_at_key": "The order rides on this trip already.",
}

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    # What a connection cut in the middle of an answer ends in.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
)


# What a request brought and no column takes.
_TOO_MUCH = (
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.NumericValueOutOfRangeError,
    asyncpg.DatetimeFieldOverflowError,
    asyncpg.UntranslatableCharacterError,
)


@asynccontextmanager
async def borrowed(pool: Pool) -> AsyncIterator[Connection]:
    """A connection of the pool for the body; the database's errors in it come out as StoreError."""
    with translated():
        try:
            connection = await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except asyncpg.PostgresError as exc:
            # Whatever keeps us from connecting, a refused login too, is not the request's fault.
            raise _unavailable(exc) from exc
        try:
            yield connection
        finally:
            await pool.release(connection)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the database's errors in the body into Conflict, Unstorable or Unavailable."""
    try:
        yield
    except StoreError:
        raise
    except asyncpg.IntegrityConstraintViolationError as exc:
        raise Conflict(_advice(exc)) from exc
    except asyncpg.QueryCanceledError as exc:
        raise Unavailable(
            "The database took too long and was told to stop. Ask for less at once, or try again in a moment."
        ) from exc
    except asyncpg.DataError as exc:
        # asyncpg refuses an argument with the bare class; the server's own errors are of narrower ones.
        if not isinstance(exc, _TOO_MUCH) and type(exc) is not asyncpg.DataError:
            raise
        raise Unstorable(
            "A text holds a NUL character, or a number or time is out of range. Send one that is not."
        ) from exc
    except _AWAY as exc:
        raise _unavailable(exc) from exc


def _unavailable(exc: BaseException) -> Unavailable:
    return Unavailable(f"The database cannot be used just now ({type(exc).__name__}). Try again in a moment.")


def is_away(exc: BaseException) -> bool:
    """Whether an error means that the database is not taking work, not that the work is wrong."""
    return isinstance(exc, (*_AWAY, Unavailable))


def _advice(exc: asyncpg.IntegrityConstraintViolationError) -> str:
    advice = _ADVICE.get(exc.constraint_name or "")
    return advice or f"This contradicts what is stored already (rule {exc.constraint_name})."
