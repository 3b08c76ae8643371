"""What a refusal is told with: a problem document that says nothing of the inside."""

from __future__ import annotations

from typing import Any

__all__ = ["told"]

OF_SQL = ("sqlite", "syntax error", "no such column", "no such table", "near \"", "traceback",
          "fts5")  # fmt: skip


def told(answer: Any) -> tuple[int, str]:
    """Return status and code of a refusal, which is a problem document and says nothing inner."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:200]
    body = answer.json()
    assert body["status"] == answer.status_code
    low = answer.text.lower()
    assert not [word for word in OF_SQL if word in low], answer.text[:300]
    return answer.status_code, str(body["type"]).rsplit(":", 1)[-1]
