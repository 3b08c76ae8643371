from __future__ import annotations

import pytest

from earthcommons.errors import AccessDeniedError, NotFoundError
from earthcommons.model import OPERATOR, PUBLIC, Party
from earthcommons.policy import decide, require, visible_labels


@pytest.mark.parametrize("party", [PUBLIC, OPERATOR, Party("x", frozenset({"reader"}))])
@pytest.mark.parametrize("access", ["open", "steward"])
def test_what_is_decided_is_what_the_catalogue_is_told(party: Party, access: str) -> None:
    decision = decide(party, "read", access)  # type: ignore[arg-type]
    assert decision.allowed == decision.visible == (access in visible_labels(party))


def test_a_hidden_record_is_not_found_and_a_seen_one_is_denied() -> None:
    with pytest.raises(NotFoundError):
        require(PUBLIC, "write", "steward", "need-x")
    with pytest.raises(AccessDeniedError):
        require(PUBLIC, "write", "open", "need-x")
    require(OPERATOR, "write", "steward", "need-x")
