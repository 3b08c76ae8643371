"""A chart specification to SVG, with no network."""

from collections.abc import Mapping, Sequence

from earthcommons.errors import InvalidInputError
from earthcommons.render.charts import Spec

# Any of these lets a specification read or link something outside itself.
_WAYS_OUT = frozenset({"url", "href", "loader", "$ref"})


def chart_svg(spec: Spec) -> str:
    """Draw a Vega-Lite specification as SVG text.

    Args:
        spec: with inline data only; as `render.charts` makes it.

    Raises:
        InvalidInputError: the specification names an address, or cannot be drawn.
    """
    refuse_addresses(spec)
    # 0.5 s to import and start, so only those who draw pay.
    import vl_convert

    try:
        # No base address is allowed: the check above has a second lock behind it.
        svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    except ValueError as error:
        raise InvalidInputError(f"chart cannot be drawn: {error}") from error
    return svg


def refuse_addresses(spec: object, where: str = "spec") -> None:
    """Check that a specification stays within itself.

    Rows of inline data are not read: a column may be called `url`, it is text all the same.

    Raises:
        InvalidInputError: a part other than data rows names an address; `where` says which.
    """
    if isinstance(spec, Mapping):
        for key, part in spec.items():
            if key in _WAYS_OUT:
                raise InvalidInputError(f"{where}.{key}: charts carry their own data")
            if key != "values":
                refuse_addresses(part, f"{where}.{key}")
    elif isinstance(spec, Sequence) and not isinstance(spec, str):
        for i, part in enumerate(spec):
            refuse_addresses(part, f"{where}[{i}]")
