"""The server's log: one JSON object a line, without secrets, whatever a request put into it."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

__all__ = ["LOG_CONFIG", "JsonLines", "redacted"]

_LONGEST = 8000
# Keys, links, tokens of an identity provider, and whatever stands where a secret does.
_SECRETS = re.compile(
    r"(?P<key>ec_[0-9a-f]{12}_)[A-Za-z0-9_-]+"
    r"|(?P<link>/l/)[A-Za-z0-9_-]{20,}"
    r"|(?P<token>eyJ)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)+"
    r"|(?P<scheme>\b(?:bearer|basic)\s+)\S+"
    r"|(?P<pair>\b(?:ec_session|ec_oidc|password|client_secret|secret|code|state|id_token"
    r"|access_token)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&;,]+",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """Return a text with its secrets replaced by `[…]`."""
    return _SECRETS.sub(lambda found: next(g for g in found.groups() if g) + "[…]", text)


class JsonLines(logging.Formatter):
    """Writes each event as one line: time, level, logger, message, and the error with its stack."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; line ends and control characters inside are escaped."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "from": record.name,
            "said": _short(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = _short(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=True)


# For logging.config.dictConfig, as uvicorn takes it.
LOG_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "earthcommons.web.log_lines.JsonLines"}},
    "handlers": {
        "lines": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "stream": "ext://sys.stderr",
        }
    },
    "root": {"handlers": ["lines"], "level": "WARNING"},
}


def _short(text: str) -> str:
    # Cut first: a pattern is not run over a megabyte; the end of an error says what it was.
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]} … {len(text) - _LONGEST} characters … {text[-half:]}"
    return redacted(text)
