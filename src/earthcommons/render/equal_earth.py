"""The Equal Earth projection: areas true everywhere, continents as they are known."""

import numpy as np
import numpy.typing as npt

from earthcommons.errors import InvalidInputError

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
# Half width (180° E on the equator) and half height (the pole) of the plane.
X_EDGE = 2.7066299836960743
Y_EDGE = 1.317362759157413


def equal_earth(
    lon: npt.ArrayLike, lat: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Project to the Equal Earth plane, unit sphere, central meridian 0.

    Args:
        lon: longitude, any dims, [degree_east], -180 to 180.
        lat: latitude, same dims, [degree_north], -90 to 90.

    Returns:
        x and y, same dims, [1]; x within ±2.7066, y within ±1.3174.

    Raises:
        InvalidInputError: a coordinate is outside its range or not finite.

    Source:
        Šavrič, Patterson and Jenny 2018, "The Equal Earth map projection", International
        Journal of Geographical Information Science 33(3), equations 9 and 10.
    """
    lam, phi = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    # A millionth of a degree is let through: files round 180 up.
    if not (np.all(np.abs(lam) <= 180 + 1e-6) and np.all(np.abs(phi) <= 90 + 1e-6)):
        raise InvalidInputError(
            "coordinates are not longitudes within ±180, latitudes within ±90"
        )
    theta = np.arcsin(np.sqrt(3) / 2 * np.sin(np.radians(np.clip(phi, -90, 90))))
    t2 = theta * theta
    t6 = t2**3
    slope = 9 * _A4 * t2 * t6 + 7 * _A3 * t6 + 3 * _A2 * t2 + _A1
    x = 2 * np.sqrt(3) * np.radians(np.clip(lam, -180, 180)) * np.cos(theta) / (3 * slope)
    y = theta * (_A4 * t2 * t6 + _A3 * t6 + _A2 * t2 + _A1)
    return x, y
