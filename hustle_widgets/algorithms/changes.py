"""Sets of pixels, as sorted flat indices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["differing", "distinct", "union"]


def differing(
    index: NDArray[Any], value: NDArray[Any], other_index: NDArray[Any], other_value: NDArray[Any]
) -> NDArray[Any]:
    """Return the pixels that only one of two sets holds, or both with different values. NaN differs from NaN.

    Parameters
    ----------
    index, value : ndarray, shape (n,)
        Pixels of one set, each once, and what they were replaced by.
    other_index, other_value : ndarray, shape (m,)
        The same of the other set.

    Returns
    -------
    ndarray, shape (k,)
        Sorted, each once.

    Examples
    --------
    >>> import numpy as np
    >>> differing(np.array([1, 2, 5]), np.array([9.0, 9.0, 9.0]), np.array([2, 5]), np.array([9.0, 8.0])).tolist()
    [1, 5]
    """
    both = np.concatenate([index, other_index])
    order = np.argsort(both, kind="stable")
    both, values = both[order], np.concatenate([value, other_value])[order]
    twin = both[1:] == both[:-1]
    alike = twin & (values[1:] == values[:-1])
    keep = np.ones(both.size, bool)
    keep[1:] &= ~twin  # the first of two speaks for both
    keep[:-1] &= ~alike
    return both[keep]


def distinct(index: NDArray[Any]) -> NDArray[Any]:
    """Sort indices in place and return each once. This takes a small part of the time of numpy.unique."""
    index.sort()
    first = np.ones(index.size, bool)
    np.not_equal(index[1:], index[:-1], out=first[1:])
    return index[first]


def union(*parts: NDArray[Any]) -> NDArray[Any]:
    """Join sets; the result is sorted and holds each index once."""
    return distinct(np.concatenate(parts))
