"""A configuration becomes a working platform, and the stories that cross its purposes.

Only this floor picks where records and bytes live; every floor below is handed what it needs.
"""

from earthcommons.commons.node import Node, make_node, open_node

__all__ = ["Node", "make_node", "open_node"]
