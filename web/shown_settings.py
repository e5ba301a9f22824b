"""The settings that a studio manager decides about, as the machine room shows them."""

from pydantic import SecretStr

from appliance.languages import gettext as _
from appliance.languages import translated
from appliance.settings import Settings, settings

# By what they are about.
SHOWN = (
    ("studio_name", "public_url", "registration", "max_waiting"),
    ("songwriter", "composer", "illustrator", "models_device", "requests_in_flight"),
    ("billing", "signup_credits", "monthly_credits"),
    ("data_dir", "models_dir", "object_store", "s3_bucket"),
)


def shown_settings() -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Return groups of settings, each with its title: names in the environment, values in words, and what they are for."""
    titles = (_("The studio"), _("Music"), _("Credits"), _("Where things are"))
    return [(title, [_setting(name) for name in names]) for title, names in zip(titles, SHOWN, strict=True)]


def _setting(name: str) -> tuple[str, str, str]:
    value = getattr(settings(), name)
    said = "" if value is None or isinstance(value, SecretStr) else str(value)
    why = translated(Settings.model_fields[name].description or "")
    return name.upper(), said or _("not set"), why.replace("`", "")  # which mark commands in the README
