"""Whole numbers with the mean and SD that a paper gives."""


def whole_numbers(count: int, mean: float, sd: float, low: int, high: int) -> list[int]:
    """`count` whole numbers from `low` to `high`, both there, whose mean and sample SD round to what is given.

    Starts from two heaps that have nearly that mean and SD, then moves pairs towards or away from each other, which
    leaves the mean. Raises `ValueError` where it finds none.
    """
    total = round(mean * count)
    values = [round(mean + sd * (1 if i % 2 else -1)) for i in range(count - 2)] + [low, high]
    for i in range(abs(total - sum(values))):
        values[i % (count - 2)] += 1 if total > sum(values) else -1
    wanted = sd * sd * (count - 1)
    for _ in range(20 * count):
        off = wanted - sum((value - total / count) ** 2 for value in values[:])
        if abs(off) <= 0.004 * 2 * sd * (count - 1):
            return values
        values = _move_values(values, wider=off > 0, low=low, high=high)
    raise ValueError("no such numbers were found")


def _move_values(values: list[int], *, wider: bool, low: int, high: int) -> list[int]:
    """The numbers with one pair moved by one each, the two extremes left where they are."""
    inner = sorted(values[:-2])
    if wider:
        left = next(i for i, value in enumerate(inner) if value > low)
        right = next(i for i in range(len(inner) - 1, -1, -1) if inner[i] < high)
        inner[left] -= 1
        inner[right] += 1
    else:
        inner[0] += 1
        inner[-1] -= 1
    return [*inner, *values[-2:]]
