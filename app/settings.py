"""Every environment variable that Afterglow reads; only the processes (cli, asgi, worker) read this."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The operator's choices. No number that decides anything clinical is among them."""

    model_config = SettingsConfigDict(env_prefix="AFTERGLOW_", populate_by_name=True, extra="ignore")

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL as the application role; unset: an embedded PostgreSQL in the data folder",
    )
    direct_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL past the pooler that DATABASE_URL leads to (PgBouncer in transaction mode), as the "
        "application role; unset: DATABASE_URL leads to no pooler",
    )
    replica_url: SecretStr | None = Field(
        default=None,
        description="A replica as the application role, past any pooler, for reports, exports and FHIR searches, "
        "which may then be a minute old; unset: the primary is read",
    )
    owner_url: SecretStr | None = Field(
        default=None, description="PostgreSQL as the owner, for migrate, backup and restore; past any pooler"
    )
    pool_size: int = Field(
        default=10,
        ge=2,
        le=200,
        description="Connections of one process's pool; four more are kept for safety events and second "
        "statements, and seven for a worker's jobs",
    )
    encryption_key: SecretStr | None = Field(
        default=None,
        description="32 bytes in base64; needed with DATABASE_URL, else a file in the data folder",
    )
    data_dir: Path | None = Field(default=None, description="Where the embedded database and the key live")
    postgres_bin: Path | None = Field(default=None, description="A folder with PostgreSQL's programs")
    host: str = Field(default="127.0.0.1", description="The address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on")
    metrics_host: str = Field(default="127.0.0.1", description="The address that /metrics listens on")
    metrics_port: int | None = Field(
        default=None, description="A separate port for /metrics; a worker beside `serve` takes the next one"
    )
    traces_url: str | None = Field(
        default=None,
        description="Where traces go, by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces; needs the extra "
        "`tracing`. Unset: none are made",
    )
    public_url: str = Field(default="", description="How others reach this service; used in links")
    webhook_allow: str = Field(
        default="", description="Networks that a webhook may reach besides public ones, such as 10.1.0.0/16"
    )
    smtp_url: SecretStr | None = Field(
        default=None, description="The mail server: smtp://user:password@host:587 or smtps://…"
    )
    mail_from: str | None = Field(default=None, description="The address that mail is sent from")
    gateway_url: str | None = Field(
        default=None, description="The operator's gateway for text messages and app pushes"
    )
    gateway_secret: SecretStr | None = Field(
        default=None, description="What calls of the gateway are signed with: whsec_ and base64"
    )
    requests_per_minute: int = Field(
        default=3000, ge=1, description="The most requests of one caller; of one address ten times as many"
    )
    spool_dir: Path | None = Field(
        default=None,
        description="Where a disclosure waits, sealed, that the database does not take; best on another volume. "
        "Unset: a folder in the data folder",
    )
    most_connections: int = Field(
        default=2000, ge=10, description="The most connections at once; what comes above is answered with 503"
    )
    processes: int = Field(
        default=1,
        ge=1,
        le=64,
        description="How many processes answer, sharing one port (`serve --processes`)",
    )
    worker_queues: str = Field(
        default="deliveries,sweep,jobs,studies",
        description="What a worker does; each has to be done by one at least, and may be done by many",
    )
    retry_speedup: int = Field(
        default=1, ge=1, le=10_000, description="Divides all waits between attempts; for failure tests"
    )

    @field_validator("database_url", "direct_url", "replica_url", "owner_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        scheme, separator, _ = (url.get_secret_value() if url else "postgresql://").partition("://")
        if not separator:
            raise NoDatabaseUrlError
        if scheme not in {"postgresql", "postgres"}:
            raise OtherDatabaseError(scheme)
        return url

    @field_validator("worker_queues")
    @classmethod
    def _are_duties(cls, queues: str) -> str:
        chosen = [one.strip() for one in queues.split(",")]
        known = str(cls.model_fields["worker_queues"].default).split(",")
        for one in chosen:
            if one not in known:
                raise UnknownQueueError(one, known)
        return ",".join(chosen)

    @model_validator(mode="after")
    def _key_goes_with_database(self) -> Self:
        if self.database_url is not None and self.encryption_key is None:
            raise EncryptionKeyMissingError
        return self

    @model_validator(mode="after")
    def _other_ways_go_with_database(self) -> Self:
        for name in ("direct_url", "replica_url", "owner_url"):
            if self.database_url is None and getattr(self, name) is not None:
                raise DatabaseUrlMissingError(name)
        return self

    @property
    def links_start_with(self) -> str:
        """The start of all links, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


def revealed(secret: SecretStr | None) -> str | None:
    """Give a secret setting's text, or None where it is not set."""
    return secret.get_secret_value() if secret is not None else None


class EncryptionKeyMissingError(ValueError):
    """DATABASE_URL is set but AFTERGLOW_ENCRYPTION_KEY is not: with a database elsewhere, the key must be given."""

    def __str__(self) -> str:
        return self.__doc__ or ""


class DatabaseUrlMissingError(ValueError):
    """Another way to a database is set, and the database itself is not."""

    def __init__(self, setting: str) -> None:
        super().__init__(
            f"AFTERGLOW_{setting.upper()} is set but DATABASE_URL is not: the embedded database would be used, and "
            "not the one that you mean."
        )


class NoDatabaseUrlError(ValueError):
    """This is no URL; write postgresql://role:password@host:5432/database."""

    def __str__(self) -> str:
        return self.__doc__ or ""


class OtherDatabaseError(ValueError):
    """A URL of PostgreSQL begins with postgresql://."""

    def __init__(self, scheme: str) -> None:
        super().__init__(f"This begins with {scheme}://; a URL of PostgreSQL begins with postgresql://.")


class UnknownQueueError(ValueError):
    """A queue that no worker knows."""

    def __init__(self, queue: str, known: list[str]) -> None:
        super().__init__(f"There is no queue “{queue}”; there are {', '.join(known)}.")
