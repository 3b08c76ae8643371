"""Regions over grids: exact shares of cells, and statistics that carry their coverage.

This floor knows how much of which cell lies in which region, and what follows from it: means,
sums and class areas over true areas, with the valid share beside each. Which regions exist,
when a value is withheld, and what it means are for others to say.

`zones.coverage` measures the shares once per grid and region set; `zones.statistics` uses them.
"""

__all__ = ["coverage", "statistics"]
