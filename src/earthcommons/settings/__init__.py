"""The one reader of configuration: `node.toml` of a node and the environment.

Every setting has a safe default; see `docs/settings.md`. Nothing below this floor reads either.
"""

from earthcommons.settings.settings import (
    S3Credentials,
    Settings,
    read_oidc_secret,
    read_s3_credentials,
    read_settings,
    write_settings,
)

__all__ = [
    "S3Credentials",
    "Settings",
    "read_oidc_secret",
    "read_s3_credentials",
    "read_settings",
    "write_settings",
]
