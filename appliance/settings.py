"""Every setting of the studio, typed, from the environment and the `.env` file."""

import difflib
import ipaddress
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from appliance.errors import SettingsError

Port = Annotated[int, Field(ge=1, le=65535)]
# The store's five doors are neighbours, and each has a gRPC door 10,000 above it.
StorePort = Annotated[int, Field(ge=1024, le=55000)]


class Settings(BaseModel):
    """What an admin can decide. Names are those of the environment variables, in lower case.

    Empty addresses and keys mean "the box runs its own": `appliance.box.layout` fills them in before any program starts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    studio_name: str = Field("Backline", min_length=1, max_length=60, description="The name on the sign-in page.")
    data_dir: Path = Field(Path("data"), description="The one folder that holds everything worth keeping.")
    web_host: str = Field("127.0.0.1", description="The address the web app listens on; 0.0.0.0 opens it to the LAN.")
    web_port: Port = Field(8080, description="The port of the web app.")
    public_url: str = Field("", description="The address people open, where it differs from WEB_HOST and WEB_PORT.")
    tls: Literal["off", "lan", "files"] = Field(
        "off",
        description="Encryption: off (plain HTTP, or a proxy in front), lan (an own authority), or files of yours.",
    )
    tls_certificate: Path | None = Field(None, description="For TLS=files: the certificate and its chain, in PEM.")
    tls_key: Path | None = Field(None, description="For TLS=files: the certificate's key, in PEM.")
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Whose word counts about who is asking: addresses or networks of proxies, with commas between.",
    )
    registration: Literal["open", "invite", "closed"] = Field(
        "invite",
        description="Who may make an account: anybody who finds the studio, those an admin invites, or nobody.",
    )
    admins_need_second_factor: bool = Field(
        False, description="Whether admins must sign in with an authenticator app or a passkey as well."
    )
    oidc_issuer: str = Field(
        "",
        description="An OpenID Connect provider that people may sign in by, such as https://id.example.org; empty: none.",
    )
    oidc_client_id: str = Field("", description="What the studio is called there.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Its secret there; empty: it is a public client.")
    oidc_hosts: str = Field(
        "",
        description="Further hosts that the provider's own description may name, with commas between; Google needs it.",
    )
    smtp_host: str = Field("", description="The mail server that sends reset links; empty: admins hand them over.")
    smtp_port: Port = Field(587, description="The mail server's port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the way to the mail server is encrypted: starttls (587), tls (465) or none."
    )
    smtp_user: str = Field("", description="The name to sign in with at the mail server; empty: without.")
    smtp_password: SecretStr = Field(SecretStr(""), description="The password for it.")
    smtp_from: str = Field("", description="The address that letters come from, such as studio@example.com.")

    database_url: SecretStr = Field(SecretStr(""), description="An external Postgres; empty: the box runs its own.")

    web_database_url: SecretStr = Field(
        SecretStr(""),
        description="The web app's own login to an external Postgres, which need not be allowed to change the ledger's lines;"
        " the box makes one for its own.",
    )

    object_store: Literal["seaweedfs", "minio", "s3"] = Field(
        "seaweedfs", description="The object store: seaweedfs or minio inside the box, or s3 for an external one."
    )
    store_port: StorePort = Field(8333, description="The bundled store's S3 port; the four above it are used as well.")
    s3_endpoint: str = Field("", description="The external store's address, for OBJECT_STORE=s3.")
    s3_public_url: str = Field("", description="The store's address as browsers reach it; empty: the web app streams.")
    s3_region: str = Field("us-east-1", description="The store's region.")
    s3_bucket: str = Field("backline", min_length=3, max_length=63, description="The bucket that holds the songs.")
    s3_addressing: Literal["auto", "path", "virtual"] = Field(
        "auto", description="Where the bucket's name stands: path, virtual (host name), or auto: virtual at AWS only."
    )
    s3_encryption: str = Field(
        "", description="Encryption the store is asked for: empty (its own choice), AES256, or the id of a KMS key."
    )
    s3_access_key: SecretStr = Field(SecretStr(""), description="The store's access key; empty: generated once.")
    s3_secret_key: SecretStr = Field(SecretStr(""), description="The store's secret key; empty: generated once.")

    secret_key: SecretStr = Field(SecretStr(""), description="Signs tokens and queue messages; empty: generated once.")
    secret_key_before: SecretStr = Field(
        SecretStr(""),
        description="After a change of SECRET_KEY: the one before, until the studio has started once; `make rotate-secret` sees to it.",
    )
    billing: Literal["off", "grants", "polar"] = Field(
        "off", description="Credits: off counts none, grants lets the admin give them, polar sells them as well."
    )
    signup_credits: int = Field(100, ge=0, le=1_000_000, description="Credits that come with a new account.")
    monthly_credits: int = Field(
        0, ge=0, le=1_000_000, description="Every month accounts are filled up to so many credits; 0: they are not."
    )
    polar_access_token: SecretStr = Field(SecretStr(""), description="Polar's organization token, for BILLING=polar.")
    polar_webhook_secret: SecretStr = Field(
        SecretStr(""), description="The secret of Polar's webhook endpoint; empty: orders are polled, which suffices."
    )
    polar_environment: Literal["sandbox", "production"] = Field("sandbox", description="Which of Polar's two worlds.")
    polar_base_url: str = Field("", description="Another address for Polar's API, on this machine only: for tests.")
    lease_seconds: float = Field(
        60, ge=1, le=3600, description="How long a worker may be silent before its song moves on."
    )
    song_minutes: float = Field(
        30,
        gt=0,
        le=1440,
        description="How many minutes a request may be worked on before it fails and frees the engine.",
    )
    max_waiting: int = Field(20, ge=1, le=1000, description="How many requests one person may have waiting.")
    api_rate: int = Field(240, ge=1, le=100_000, description="How many API requests one key may make in a minute.")
    webhook_hosts: str = Field(
        "", description="Hosts that webhooks may go to, as host or host:port with commas between; empty: none."
    )
    soundfont: Path | None = Field(None, description="An .sf2 or .sf3 file for the sketch engine's instruments.")
    songwriter: str = Field("qwen2-7b-instruct", description="Who writes: a Qwen of `make models-list`, or sketch.")
    composer: str = Field("ace-step-xl-turbo", description="Who composes: an ACE-Step of the list, or sketch.")
    illustrator: str = Field("sdxl-turbo", description="Who paints covers: an SDXL of the list, or sketch.")
    models_dir: Path | None = Field(None, description="Where pulled weights lie; empty: models in the data folder.")
    models_device: Literal["auto", "cuda", "cpu"] = Field(
        "auto", description="What models run on; auto: a CUDA card, and without one the sketch engine stands in."
    )
    requests_in_flight: int = Field(
        4, ge=1, le=32, description="How many requests are worked on at once on a card; without one it is one."
    )
    backup_target: str = Field(
        "", description="Where backups go: a folder on another disk, s3:bucket/folder, or any remote of rclone's."
    )
    backup_folder: str = Field(
        "",
        description="A folder of this machine, such as a disk, that the container has as /backups, for BACKUP_TARGET=/backups. Docker only.",
    )
    backup_hour: int = Field(3, ge=0, le=23, description="The hour of the nightly backup, in UTC.")
    backup_passphrase: SecretStr = Field(
        SecretStr(""), description="What backups are encrypted with; empty: generated once."
    )
    backup_s3_endpoint: str = Field("", description="The address of the S3 for BACKUP_TARGET=s3:...; empty: Amazon's.")
    backup_s3_region: str = Field("us-east-1", description="Its region.")
    backup_s3_access_key: SecretStr = Field(SecretStr(""), description="Its access key.")
    backup_s3_secret_key: SecretStr = Field(SecretStr(""), description="Its secret key.")
    disk_reserve_gb: float | None = Field(
        None,
        ge=0,
        description="Below so much free disk no new songs are taken; empty: 5 GB or a twentieth of the disk, whichever is more.",
    )
    memory_limit: str = Field(
        "",
        pattern=r"^(\d+[kmg])?$",
        description="The most memory the container may take, such as 24g; empty: 32g, and 6g without a card. Docker only.",
    )
    metrics_token: SecretStr = Field(
        SecretStr(""), description="Opens /metrics as a bearer token; empty: only this machine may read it."
    )
    log_format: Literal["text", "json"] = Field("text", description="How logs are written; json: one object a line.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much the logs say.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.object_store == "s3" and not (self.s3_endpoint and self.s3_access_key and self.s3_secret_key):
            raise ValueError("OBJECT_STORE=s3 needs S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY.")
        if self.object_store != "s3" and self.s3_endpoint and not self.s3_access_key:
            raise ValueError("S3_ENDPOINT is for OBJECT_STORE=s3; the bundled store has its own address.")
        if self.oidc_issuer:
            issuer = urlsplit(self.oidc_issuer)
            near = issuer.hostname in ("127.0.0.1", "localhost", "::1")
            if issuer.scheme != "https" and not (issuer.scheme == "http" and near):
                raise ValueError("OIDC_ISSUER is an https:// address; http:// may only name this machine.")
            if not self.oidc_client_id:
                raise ValueError("OIDC_ISSUER needs OIDC_CLIENT_ID, what the studio is called there.")
        if self.smtp_host and "@" not in self.smtp_from:
            raise ValueError("SMTP_HOST needs SMTP_FROM, the address that letters come from.")
        if self.billing == "polar" and not self.polar_access_token:
            raise ValueError("BILLING=polar needs POLAR_ACCESS_TOKEN.")
        if self.polar_base_url and urlsplit(self.polar_base_url).hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("POLAR_BASE_URL may only name this machine; POLAR_ENVIRONMENT chooses Polar's own.")
        for each in self.trusted_proxies.split(","):
            try:
                ipaddress.ip_network(each.strip())
            except ValueError:
                raise ValueError(
                    f"TRUSTED_PROXIES takes addresses and networks such as 10.0.0.0/8, and not {each.strip()!r}: whoever it "
                    "names can say that a request comes from anywhere."
                ) from None
        if self.tls == "files" and not (self.tls_certificate and self.tls_key):
            raise ValueError("TLS=files needs TLS_CERTIFICATE and TLS_KEY.")
        if not self.public_url:
            host = "127.0.0.1" if self.web_host in ("0.0.0.0", "::") else self.web_host  # noqa: S104
            scheme = "http" if self.tls == "off" else "https"
            object.__setattr__(self, "public_url", f"{scheme}://{host}:{self.web_port}")
        return self


def load_settings(environ: Mapping[str, str], env_file: Path | None = Path(".env")) -> Settings:
    """Read settings from `environ` and, below it, from `env_file` where there is one.

    Raises SettingsError with one sentence for the first thing that is wrong: a name in the file that is no setting (with
    the nearest one that is), or a value that cannot be used.
    """
    known = {name.upper() for name in Settings.model_fields}
    values: dict[str, str] = {}
    if env_file and env_file.is_file():
        _refuse_unreadable_lines(env_file)
        for name, value in dotenv_values(env_file).items():
            if name.upper() not in known:
                near = difflib.get_close_matches(name.upper(), sorted(known), n=1)
                hint = f" Did you mean {near[0]}?" if near else ""
                raise SettingsError(f"{env_file}: {name} is not a setting.{hint}")
            if value:
                values[name.lower()] = value
    values |= {name.lower(): environ[name] for name in known if environ.get(name)}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = str(first["loc"][0]).upper() if first["loc"] else ""
        said = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{where}={values.get(where.lower(), '')!r}: {said}." if where else said) from None


def _refuse_unreadable_lines(env_file: Path) -> None:
    """Raise SettingsError for a line that would otherwise be passed over; what it says may be a secret, so only its number."""
    with env_file.open() as lines:
        for binding in parse_stream(lines):
            if binding.error:
                raise SettingsError(
                    f"{env_file}, line {binding.original.line}: this is not NAME=value, or a quote is missing."
                )


@lru_cache
def settings() -> Settings:
    """Return the settings of this process, read once at the first call."""
    return load_settings(os.environ)
