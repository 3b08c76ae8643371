"""Settings: one file, one environment, and no value that means something else than it says."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.settings import Settings, read_s3_credentials, read_settings, write_settings

if TYPE_CHECKING:
    from pathlib import Path

NO_ENVIRONMENT: dict[str, str] = {}


def written(root: Path, text: str) -> Path:
    (root / "node.toml").write_text(text, encoding="utf-8")
    return root


def test_a_new_node_listens_on_loopback_only(tmp_path: Path) -> None:
    write_settings(tmp_path, Settings())
    settings = read_settings(tmp_path, NO_ENVIRONMENT)
    assert settings == Settings()
    assert (settings.host, settings.url) == ("127.0.0.1", "http://127.0.0.1:8000")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    written(tmp_path, 'name = "Here"\nport = 8100\n')
    given_ = {"EARTHCOMMONS_PORT": "8200", "EARTHCOMMONS_BASE_URL": "https://node.example/ec/"}
    settings = read_settings(tmp_path, given_)
    assert (settings.name, settings.port) == ("Here", 8200)
    assert settings.url == "https://node.example/ec"


def test_an_empty_environment_is_not_the_process_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARTHCOMMONS_PORT", "8300")
    written(tmp_path, "port = 8100\n")
    assert read_settings(tmp_path, NO_ENVIRONMENT).port == 8100
    assert read_settings(tmp_path).port == 8300


def test_writing_again_keeps_what_the_operator_wrote(tmp_path: Path) -> None:
    written(tmp_path, "port = 8100\n")
    write_settings(tmp_path, Settings(port=9000))
    assert read_settings(tmp_path, NO_ENVIRONMENT).port == 8100


def test_an_address_of_ip_version_6_stands_in_brackets() -> None:
    assert Settings(host="::1").url == "http://[::1]:8000"


@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    port=st.integers(1, 65535),
    cache=st.integers(0, 2**40),
    origins=st.lists(st.sampled_from(["*", "https://a.example", "http://[::1]:8080"])),
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, name: str, port: int, cache: int,
    origins: list[str],
) -> None:  # fmt: skip
    root = tmp_path_factory.mktemp("node")
    settings = Settings(
        name=name, port=port, tile_cache_bytes=cache, cors_origins=tuple(origins)
    )
    write_settings(root, settings)
    assert read_settings(root, NO_ENVIRONMENT) == settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('colour = "red"', "no setting 'colour'; there are base_url, cors_origins"),
        ('port = "eighty"', "port = 'eighty' is no whole number"),
        ("port = 8000.5", "port = 8000.5 is no whole number"),
        ("port = true", "port = True is no whole number"),
        ("port = 0", "port = 0: need 1 to 65535"),
        ("port = 65536", "port = 65536: need 1 to 65535"),
        ("tile_cache_bytes = -1", "tile_cache_bytes = -1: need 0 to"),
        ("name = 7", "name = 7 is no text"),
        ('base_url = "javascript:x"', "base_url = 'javascript:x': begin with https://"),
        ("port = ", "node.toml: "),
        ("cors_origins = 7", "cors_origins = 7 is no list of texts"),
        ("cors_origins = [7]", "cors_origins = [7] is no list of texts"),
        ('cors_origins = ["https://a.example/"]', "'https://a.example/': need https://host"),
        ('cors_origins = ["https://*.example"]', "'https://*.example': need https://host"),
        ('cors_origins = ["null"]', "'null': need https://host"),
        ('cors_origins = ["https://A.example"]', "'https://A.example': need https://host"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_by_name(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_settings(written(tmp_path, text), NO_ENVIRONMENT)
    assert refused.value.code == "bad-settings"
    assert said in str(refused.value)


def test_a_folder_without_settings_is_no_node(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is no node"):
        read_settings(tmp_path, NO_ENVIRONMENT)


def test_every_setting_can_be_given_in_the_environment(tmp_path: Path) -> None:
    write_settings(tmp_path, Settings())
    texts = {str: "http://x", int: "99", bool: "true", tuple: "http://x, http://y"}
    given_ = {
        f"EARTHCOMMONS_{field.name.upper()}": texts[type(field.default)]
        for field in fields(Settings)
    } | {
        "EARTHCOMMONS_STORE_URL": "s3://bucket/node",
        "EARTHCOMMONS_OIDC_ISSUER": "https://id.example.org",
    }
    settings = read_settings(tmp_path, given_)
    assert all(getattr(settings, field.name) != field.default for field in fields(Settings)), (
        settings
    )


@pytest.mark.parametrize(
    "line",
    [
        'store_url = "http://bucket"',
        'store_url = "s3://"',
        'store_url = "s3://bucket/../x"',
        'store_url = "s3://id:secret@bucket"',
        'store_endpoint = "ftp://host"',
        'store_endpoint = "https://id:secret@host"',
        'store_endpoint = "https://host/path"',
    ],
)
def test_a_store_that_is_no_bucket_or_carries_a_secret_is_refused(
    tmp_path: Path, line: str
) -> None:
    (tmp_path / "node.toml").write_text(line + "\n")
    with pytest.raises(InvalidInputError) as refused:
        read_settings(tmp_path, NO_ENVIRONMENT)
    assert refused.value.code == "bad-settings"


def test_credentials_come_from_the_environment_and_are_not_shown() -> None:
    given = {"AWS_ACCESS_KEY_ID": "key-1", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_REGION": "r"}
    found = read_s3_credentials(given)
    assert (found.key_id, found.secret, found.token, found.region) == ("key-1", "hush", "", "r")
    assert "hush" not in repr(found)
    assert "key-1" not in repr(found)
    with pytest.raises(InvalidInputError, match="AWS_SECRET_ACCESS_KEY"):
        read_s3_credentials({"AWS_ACCESS_KEY_ID": "key-1"})


def test_true_and_false_are_written_read_and_nothing_else_stands_for_them(
    tmp_path: Path,
) -> None:
    write_settings(tmp_path, Settings(oidc_provision=True))
    assert "oidc_provision = true" in (tmp_path / "node.toml").read_text()
    assert read_settings(tmp_path, NO_ENVIRONMENT).oidc_provision is True
    off = {"EARTHCOMMONS_OIDC_PROVISION": "false"}
    assert read_settings(tmp_path, off).oidc_provision is False
    for text in ("1", "yes", "True", ""):
        with pytest.raises(InvalidInputError, match="oidc_provision"):
            read_settings(tmp_path, {"EARTHCOMMONS_OIDC_PROVISION": text})


@pytest.mark.parametrize(
    "issuer",
    ["http://id.example.org", "https://u:p@id.example.org", "https://id.example.org/?a",
     "elsewhere", "http://127.0.0.1.example.org"],
)  # fmt: skip
def test_an_identity_provider_is_not_asked_in_the_clear(tmp_path: Path, issuer: str) -> None:
    written(tmp_path, f'oidc_issuer = "{issuer}"\noidc_client_id = "node"\n')
    with pytest.raises(InvalidInputError, match="oidc_issuer") as refused:
        read_settings(tmp_path, NO_ENVIRONMENT)
    assert issuer not in str(refused.value)


def test_an_identity_provider_needs_this_nodes_name_there(tmp_path: Path) -> None:
    written(tmp_path, 'oidc_issuer = "http://127.0.0.1:9000"\n')
    with pytest.raises(InvalidInputError, match="oidc_client_id"):
        read_settings(tmp_path, NO_ENVIRONMENT)
