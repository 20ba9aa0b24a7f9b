"""Every setting, read once from the environment; nothing else in the program reads it.

DATABASE_URL and MQTT_URL name the servers; all others begin with ZAITU_. A wrong value ends the program with
one sentence and exit status 2.
"""

import base64
import binascii
import os
import re
import secrets
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, NoReturn
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

CONTACT_KEY_BYTES = 32
SHORTEST_ADMIN_TOKEN = 24
EXIT_WRONG_SETTINGS = 2
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9A-Fa-f:]+\](:\d{1,5})?")

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """The program's settings; make one with `load_settings()` and hand its values down."""

    model_config = SettingsConfigDict(
        env_prefix="ZAITU_", env_ignore_empty=True, frozen=True, populate_by_name=True
    )

    database_url: str | None = Field(
        default=None, validation_alias=AliasChoices("DATABASE_URL", "database_url")
    )
    mqtt_url: str | None = Field(default=None, validation_alias=AliasChoices("MQTT_URL", "mqtt_url"))
    simulator_mqtt_url: str | None = None
    data_dir: Path = Path(".zaitu")

    admin_token: SecretStr | None = Field(default=None, description="who sends it may do anything")
    token_key: SecretStr | None = Field(
        default=None, description="base64 of the 32 bytes access tokens are signed with"
    )
    contact_key: SecretStr | None = Field(
        default=None,
        description="base64 of the 32 bytes personal data is encrypted under, or a ring of them",
    )

    api_host: str = "127.0.0.1"
    api_port: Port = 8080
    trusted_proxies: str = Field(
        default="", description="addresses whose X-Forwarded-For is believed, by commas; default: none"
    )
    oidc_issuer: str | None = Field(
        default=None, description="the identity provider people may log in through, as it names itself"
    )
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_claim: str = Field(default="sub", min_length=1, description="the claim that names a user here")
    rate_per_address: float = Field(
        default=50.0, ge=0, le=1e6, description="requests a second from one address; 0: no limit"
    )
    rate_per_key: float = Field(
        default=25.0, ge=0, le=1e6, description="requests a second with one key or session; 0: no limit"
    )
    longest_statement_s: float = Field(
        default=10.0, gt=0, le=3600, description="a request's query that takes longer is given up"
    )
    cors_origins: str = Field(
        default="", description="origins whose scripts may use the API, by commas; default: none but its own"
    )
    device_http_host: str = "127.0.0.1"
    device_http_port: Port = 8081
    metrics_host: str = "127.0.0.1"
    ingest_metrics_port: Port = 9101
    watch_metrics_port: Port = 9102

    mqtt_client_id: str = Field(
        default="zaitu-ingest", min_length=1, description="names the session the broker keeps"
    )
    batch_messages: int = Field(
        default=20000, ge=1, le=30000, description="a batch is committed at this many messages"
    )
    batch_age_ms: int = Field(
        default=50, ge=1, le=10000, description="or when its first message has waited this long"
    )
    enroll: Literal["closed", "open"] = Field(
        default="closed", description="whether devices nobody registered may wait for approval"
    )
    inflight_window: int = Field(
        default=20000, ge=1, le=65534, description="the broker's max_inflight_messages"
    )

    public_url: str | None = Field(
        default=None, description="where customers reach the pages, as in https://track.example.com"
    )
    company_name: str = Field(default="Zaitu", min_length=1, max_length=60, description="shown on the pages")
    operating_zone: str = Field(default="Asia/Shanghai", description="the time zone the company works in")
    tile_url: str | None = Field(default=None, description="map tiles, as in https://host/{z}/{x}/{y}.png")
    tile_datum: Literal["wgs84", "gcj02"] = "wgs84"
    tile_attribution: str = ""
    demo_logins: Path | None = Field(
        default=None, description="a file of logins the sign-in page offers to everybody: for demos only"
    )
    smtp_url: SecretStr | None = Field(default=None, description="smtp[s]://user:password@host:port")
    mail_from: str = "zaitu@localhost"

    valhalla_url: str | None = Field(default=None, description="finds the ways of trips planned without one")
    valhalla_tiles: Path | None = Field(default=None, description="the same, in the API's own process")
    geocoder_url: str | None = Field(
        default=None, description="finds the points of addresses; it answers as Nominatim does"
    )
    geocoder_datum: Literal["wgs84", "gcj02"] = "wgs84"
    eta_interval_s: Seconds = 30.0
    alert_interval_s: Seconds = 30.0
    facts_kept_days: int = Field(
        default=400, ge=8, description="positions and readings; never less than the refold horizon"
    )
    rejected_kept_days: int = Field(default=30, ge=1)

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "console"

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: str | None) -> str | None:
        return _with_scheme(value, ("postgresql", "postgres"), "postgresql://user:password@host:5432/zaitu")

    @field_validator("mqtt_url", "simulator_mqtt_url")
    @classmethod
    def _is_mqtt(cls, value: str | None) -> str | None:
        return _with_scheme(value, ("mqtt", "mqtts"), "mqtt://user:password@host:1883")

    @field_validator("valhalla_url", "geocoder_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        return _with_scheme(value, ("http", "https"), "http://127.0.0.1:8002")

    @field_validator("tile_url")
    @classmethod
    def _is_tile_address(cls, value: str | None) -> str | None:
        example = "https://tiles.example.com/{z}/{x}/{y}.png"
        if value is not None and not all(part in value for part in ("{z}", "{x}", "{y}")):
            raise ValueError(f"it must look like {example}")
        # What a page may ask is a list with spaces and semicolons between its members.
        if value is not None and set(value) & set(" ;,'\""):
            raise ValueError(f"it must look like {example}, without blanks or quotes")
        return _with_scheme(value, ("http", "https"), example)

    @field_validator("operating_zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("it must be the name of a time zone, as in Asia/Shanghai")
        return value

    @field_validator("admin_token")
    @classmethod
    def _is_hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_ADMIN_TOKEN:
            raise ValueError(f"it must have at least {SHORTEST_ADMIN_TOKEN} characters")
        return value

    @field_validator("token_key")
    @classmethod
    def _is_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _decode_key(value.get_secret_value())
        return value

    @field_validator("contact_key")
    @classmethod
    def _is_key_ring(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            for part in value.get_secret_value().split(","):
                _decode_key(part.rpartition(":")[2])
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        if value is None or value.startswith("https://"):
            return value
        if urlsplit(value).scheme == "http" and urlsplit(value).hostname in {"127.0.0.1", "::1", "localhost"}:
            return value
        raise ValueError("it must look like https://login.example.com (http:// only on this machine)")

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in filter(None, map(str.strip, value.split(","))):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError("it must name origins as in https://shop.example.com, separated by commas")
        return value

    @field_validator("log_level", "log_format", "enroll", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    def cors_origin_list(self) -> tuple[str, ...]:
        """Return the other origins whose scripts may use the API."""
        return tuple(filter(None, map(str.strip, self.cors_origins.split(","))))

    def required_database_url(self) -> str:
        """Return DATABASE_URL; the command line fills in the embedded server's where it is not set."""
        return self.database_url or _missing("DATABASE_URL")

    def required_mqtt_url(self) -> str:
        """Return MQTT_URL; the command line fills in the embedded broker's where it is not set."""
        return self.mqtt_url or _missing("MQTT_URL")

    def admin_token_text(self) -> str:
        """Return the administrator's token; where none is set, one is made once and kept."""
        if self.admin_token is not None:
            return self.admin_token.get_secret_value()
        return _kept_secret(self.data_dir / "admin-token", lambda: secrets.token_urlsafe(32))

    def token_key_bytes(self) -> bytes:
        """Return the 32 bytes access tokens are signed with; where none are set, made once."""
        if self.token_key is not None:
            return _decode_key(self.token_key.get_secret_value())
        return _decode_key(_kept_secret(self.data_dir / "token-key", _new_key))

    @property
    def contact_key_file(self) -> Path:
        """Where the keys of personal data are kept when they are not set."""
        return self.data_dir / "contact-key"

    def contact_key_text(self) -> str:
        """Return the keys personal data is encrypted under, read anew; where none is set, one is made."""
        if self.contact_key is not None:
            return self.contact_key.get_secret_value()
        return _kept_secret(self.contact_key_file, _new_key)


def load_settings() -> Settings:
    """Read the environment; a wrong value ends the program with one sentence and exit status 2."""
    try:
        return Settings()
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        # The value itself stays out of the sentence: it may be a password.
        reason = first["msg"].removeprefix("Value error, ")
        refuse(f"The setting {_environment_name(first['loc'])} is wrong: {reason}.")


def refuse(sentence: str) -> NoReturn:
    """Say what is wrong with the settings and end the program with exit status 2."""
    print(f"zaitu: {sentence}", file=sys.stderr)  # noqa: T201
    raise SystemExit(EXIT_WRONG_SETTINGS)


def refuse_taken(host: str, port: int, name: str) -> None:
    """End the program with exit status 2 unless it can listen there; `name` is the setting to change."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            # As servers do: connections of the process before that are still closing are no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen()
    except OSError as exc:
        refuse(f"Cannot listen on {host}:{port} ({exc.strerror}): stop what listens there, or set {name}.")


def _missing(name: str) -> NoReturn:
    refuse(f"{name} is not set: set it, or start this process with `zaitu`, which runs its own servers.")


def _environment_name(location: tuple[int | str, ...]) -> str:
    name = str(location[0])
    return name if name.isupper() else f"ZAITU_{name.upper()}"


def _with_scheme(value: str | None, schemes: tuple[str, ...], example: str) -> str | None:
    if value is not None and not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ValueError(f"it must look like {example}")
    if value is not None and not _has_valid_ports(value):
        raise ValueError(f"its port must be a number up to 65535, as in {example}")
    return value


def _has_valid_ports(url: str) -> bool:
    # A PostgreSQL URL may name several hosts.
    hosts = urlsplit(url).netloc.rpartition("@")[2].split(",")
    try:
        return all((urlsplit(f"//{host}").port or 0) >= 0 for host in hosts)
    except ValueError:
        return False


def _decode_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise ValueError("it must be base64") from exc
    if len(key) != CONTACT_KEY_BYTES:
        raise ValueError(f"it must be {CONTACT_KEY_BYTES} bytes in base64, not {len(key)}")
    return key


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(CONTACT_KEY_BYTES)).decode("ascii")


def _kept_secret(path: Path, make: Callable[[], str]) -> str:
    """Return the secret a file keeps, made once; of two processes making it at once, one wins."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.new")
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii"
        ) as file:
            file.write(make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()
