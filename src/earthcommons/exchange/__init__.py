"""Technology facilitation: offers with their provenance, needs, and candidates that may meet them.

Knows offers, needs and criteria; leaves where a need comes from, and storing, to the floors above.
A provider's tags are the provider's claims; what nobody said is unknown, and unknown is never
satisfied.
"""

from earthcommons.exchange.criteria import CRITERIA, judge
from earthcommons.exchange.matching import rank
from earthcommons.exchange.needs import NEED_TEMPLATES, confirm, draft
from earthcommons.exchange.offers import read_offers

__all__ = ["CRITERIA", "NEED_TEMPLATES", "confirm", "draft", "judge", "rank", "read_offers"]
