"""Pure numerics: true cell areas, sums over zones, trends.

This floor knows arrays and nothing else: no files, no grids with names, no regions. What the
numbers mean is for `zones` and `indicators` to say. Import the module you need
(`kernels.area`, `kernels.zonal`, `kernels.trend`); the last two load numba when they work.
"""

__all__ = ["area", "compiling", "pettitt", "trend", "trend_pixels", "zonal", "zonal_loops"]
