"""Words for how quickly work gets on."""

_ONE = {"steps": "step"}


def pace(done: float, seconds: float, unit: str) -> str:
    """Say how quickly the work gets on: units a second, or seconds a unit where that is slow.

    Args:
        done: units that got done, above 0.
        seconds: in which.
        unit: as it follows a number, with its space; none for rows.
    """
    rate = done / seconds if seconds else 0.0
    if 0 < rate < 1:
        return f"{1 / rate:.1f} s/{_ONE.get(unit.strip(), unit.strip()) or 'row'}"
    return f"{rate:.1f}{unit}/s"
