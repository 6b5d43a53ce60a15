r"""Codes for symbols: the Kraft sum, Shannon's lengths and Huffman's optimal code.

`base` is here the number of digits a codeword may use, an integer from 2 on; a length counts such
digits. Probabilities are compared in integers without rounding, so lengths are exact and a tie is
a tie.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from divkit._validation import Floats, alphabet_last, as_reals, checked, refuse, tolerance

__all__ = ["CodeTree", "HuffmanCode", "huffman_code", "kraft_sum", "shannon_code_lengths"]

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _digits(base: int, most: float = math.inf) -> int:
    """Return the size of the code's alphabet, or raise."""
    if isinstance(base, bool) or not isinstance(base, int | np.integer):
        raise TypeError(f"base counts the digits of the code: it must be an integer, got {base!r}")
    if not 2 <= base <= most:
        limit = "" if most == math.inf else f" and at most {most}"
        raise ValueError(f"base must be at least 2{limit}, got {base}")
    return int(base)


def _integers(row: Floats) -> list[int]:
    """Multiply floats by one power of two that makes all of them integers."""
    ratios = [x.as_integer_ratio() for x in row.tolist()]
    scale = max(denominator for _, denominator in ratios)
    return [numerator * (scale // denominator) for numerator, denominator in ratios]


def kraft_sum(lengths: ArrayLike, *, base: int = 2) -> np.float64:
    r"""Kraft sum of codeword lengths: a prefix code with these lengths exists if it is at most 1.

    .. math:: \sum_x b^{-\ell(x)}

    Parameters
    ----------
    lengths : array_like
        Lengths of the codewords, integers from 0 on, shape (K,).
    base : int
        Number of digits b of the code, at least 2.

    Returns
    -------
    float
        Correctly rounded. Exactly 1 for a complete code; no uniquely decodable code exceeds 1.

    Raises
    ------
    ValueError
        If a length is negative, there is none, or the base is less than 2.
    TypeError
        If the lengths or the base are no integers.

    See Also
    --------
    huffman_code : the shortest code.
    shannon_code_lengths : lengths that always allow a code.

    References
    ----------
    L. G. Kraft (1949). A device for quantizing, grouping, and coding amplitude-modulated pulses.
    Thesis, MIT. hdl:1721.1/12390

    B. McMillan (1956). Two inequalities implied by unique decipherability.
    doi:10.1109/TIT.1956.1056818

    Examples
    --------
    >>> kraft_sum([1, 2, 3, 3]).item()
    1.0
    >>> kraft_sum([1, 1, 2]).item()  # no such code
    1.25
    """
    base, values = _digits(base), as_reals(lengths, "lengths")
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"lengths must be one row of at least one length, got {values.shape}")
    if values.dtype.kind not in "iu":
        raise TypeError(f"lengths must hold integers, got dtype {values.dtype}")
    refuse(values < 0, values, "lengths", "a length is at least 0")
    longest = int(values.max())
    total = sum(base ** (longest - length) for length in values.tolist())
    return np.float64(total / base**longest)


def shannon_code_lengths(
    p: ArrayLike, *, base: int = 2, axis: int = -1, normalize: bool = False
) -> NDArray[np.int64]:
    r"""Shannon's codeword lengths: the information contents, rounded up to whole digits.

    .. math:: \ell(x) = \lceil -\log_b p(x) \rceil

    Their Kraft sum is at most 1, so a prefix code has them; its expected length is less than
    H(p) + 1, as that of Huffman's code, which it seldom reaches.

    Parameters
    ----------
    p : array_like
        Distributions along `axis`, without zeros.
    base : int
        Number of digits b of the code, at least 2.
    axis : int
        Axis of the outcomes.
    normalize : bool
        Divide by the sum first (for counts).

    Returns
    -------
    ndarray of int
        Of the shape of `p`. Exact for the given floats, each divided by their exact sum.

    Raises
    ------
    ValueError
        If a row is no distribution or has a zero, which no finite length suits.
    TypeError
        If `p` does not hold real numbers or the base is no integer.

    See Also
    --------
    huffman_code : the shortest code.
    divkit.information.information_content : the lengths before rounding.

    References
    ----------
    C. E. Shannon (1948). A mathematical theory of communication.
    doi:10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    >>> shannon_code_lengths([0.5, 0.25, 0.125, 0.125]).tolist()
    [1, 2, 3, 3]
    >>> shannon_code_lengths([0.9, 0.1]).tolist()
    [1, 4]
    """
    base, given = _digits(base), as_reals(p, "p")
    rows = alphabet_last(given, "p", axis)
    table = _checked_table(rows.reshape(-1, rows.shape[-1]), limit=tolerance(given), norm=normalize)
    lengths = np.empty(table.shape, dtype=np.int64)
    for number, row in enumerate(table):
        lengths[number] = _lengths_of_row(row, number, base)
    shaped = lengths.reshape(rows.shape)
    return shaped if axis in (-1, rows.ndim - 1) else np.moveaxis(shaped, -1, axis)


def _checked_table(table: Floats, *, limit: float, norm: bool) -> Floats:
    """Return rows of probabilities or counts, or raise."""
    return checked(table, "p", limit, 0, norm).values if len(table) else np.asarray(table, float)


def _lengths_of_row(row: Floats, number: int, base: int) -> list[int]:
    """Round the information contents of one row up."""
    if not row.all():
        place = int(np.argmin(row))
        raise ValueError(
            f"p, row {number}: entry {place} is 0, which no length suits: leave it out"
        )
    weights = _integers(row)
    total = sum(weights)
    return [_least_length(weight, total, base) for weight in weights]


def _least_length(weight: int, total: int, base: int) -> int:
    """Return the least length with base**-length <= weight/total."""
    estimate = (math.log(total) - math.log(weight)) / math.log(base)
    length = max(0, math.ceil(estimate) - 1)  # its rounding is repaired in integers
    while weight * base**length < total:
        length += 1
    return length


class CodeTree(NamedTuple):
    """A node of a code's tree: a leaf has a symbol and no children.

    Attributes
    ----------
    probability : float
        Sum over the leaves below.
    symbol : hashable
        The symbol of a leaf, None for an inner node.
    children : tuple of CodeTree
        Child number i is reached by digit i.

    Examples
    --------
    >>> huffman_code({"a": 0.75, "b": 0.25}).tree.children[0].symbol
    'b'
    """

    probability: float
    symbol: Any
    children: tuple[CodeTree, ...]


@dataclass(frozen=True)
class HuffmanCode:
    """A prefix code as its tree; made by `huffman_code`.

    Attributes
    ----------
    tree : CodeTree
        The root.
    base : int
        Number of digits.

    Examples
    --------
    >>> code = huffman_code({"a": 0.5, "b": 0.25, "c": 0.25})
    >>> code.codewords
    {'a': '0', 'b': '10', 'c': '11'}
    >>> code.encode("abba"), code.decode("010100")
    ('010100', ['a', 'b', 'b', 'a'])
    """

    tree: CodeTree = field(repr=False)
    base: int

    def _leaves(self) -> Iterator[tuple[CodeTree, str]]:
        """Yield the leaves with their codewords, from left to right."""
        waiting = [(self.tree, "")]
        while waiting:
            node, word = waiting.pop()
            if not node.children:
                yield node, word
            digits = reversed(range(len(node.children)))
            waiting += [(node.children[digit], word + DIGITS[digit]) for digit in digits]

    @property
    def codewords(self) -> dict[Any, str]:
        """The codeword of each symbol, sorted as words are: a new dictionary at each call."""
        return {leaf.symbol: word for leaf, word in self._leaves()}

    @property
    def lengths(self) -> dict[Any, int]:
        """The length of each symbol's codeword, in digits."""
        return {leaf.symbol: len(word) for leaf, word in self._leaves()}

    @property
    def expected_length(self) -> np.float64:
        """The mean length of a codeword, in digits a symbol."""
        return np.float64(math.fsum(leaf.probability * len(word) for leaf, word in self._leaves()))

    def encode(self, symbols: Iterable[Hashable]) -> str:
        """Join the codewords of symbols; raise ValueError at a symbol that has none."""
        codewords = self.codewords
        words = []
        for place, symbol in enumerate(symbols):
            if not isinstance(symbol, Hashable) or symbol not in codewords:
                raise ValueError(f"symbols[{place}] is {symbol!r}, which has no codeword")
            words.append(codewords[symbol])
        return "".join(words)

    def decode(self, text: str) -> list[Any]:
        """Return the symbols of a string of digits; raise ValueError if it is not made of words."""
        if not isinstance(text, str):
            raise TypeError(f"text must be a string of digits, got {type(text).__name__}")
        symbols: list[Any] = []
        node, start = self.tree, 0
        for place, character in enumerate(text):
            branch = DIGITS[: len(node.children)].find(character)
            if branch < 0:
                raise ValueError(
                    f"text[{place}] is {character!r}: no codeword goes on so after "
                    f"{text[start:place]!r}"
                )
            node = node.children[branch]
            if not node.children:
                symbols.append(node.symbol)
                node, start = self.tree, place + 1
        if start < len(text):
            raise ValueError(f"text ends inside a codeword: {text[start:]!r} from place {start} on")
        return symbols


def huffman_code(
    p: ArrayLike | Mapping[Any, float], *, base: int = 2, normalize: bool = False
) -> HuffmanCode:
    r"""Huffman's prefix code, which has the least expected length.

    .. math:: H_b(p) \le L = \sum_x p(x)\, \ell(x) < H_b(p) + 1

    The `base` least probable nodes become children of a new node, until one node is left. The
    first time there may be fewer, namely 2 + (K - 2) mod (base - 1), so that the root is full.

    Parameters
    ----------
    p : array_like or mapping
        One distribution, shape (K,), of the symbols 0, ..., K - 1; or a mapping from symbols to
        their probabilities or counts.
    base : int
        Number of digits of the code, from 2 to 36: 0 to 9, then a to z.
    normalize : bool
        Divide by the sum first (for counts).

    Returns
    -------
    HuffmanCode
        With `tree`, `codewords`, `lengths`, `expected_length`, `encode` and `decode`.

    Raises
    ------
    ValueError
        If `p` is no distribution, or the base not from 2 to 36.
    TypeError
        If `p` does not hold real numbers or the base is no integer.

    See Also
    --------
    shannon_code_lengths, kraft_sum
    divkit.information.entropy : the lower bound, with the same base.

    Notes
    -----
    Ties: of equally probable nodes the older is taken first, the symbols (in their given order)
    being older than all joined nodes. Among optimal binary codes this gives one whose longest
    word is shortest. Of the joined nodes the one taken first gets digit 0.

    A symbol of probability 0 never occurs and gets no codeword. If one symbol is left it gets the
    word 0, so that a message keeps its length: then L = 1 = H + 1, the only case on the bound.

    The Kraft sum is 1 if K - 1 is a multiple of base - 1 (for two digits, always) and K > 1.

    References
    ----------
    D. A. Huffman (1952). A method for the construction of minimum-redundancy codes.
    doi:10.1109/JRPROC.1952.273898

    E. S. Schwartz (1964). An optimum encoding with minimum longest code and total number of
    digits. doi:10.1016/S0019-9958(64)90076-7

    Examples
    --------
    >>> code = huffman_code([0.4, 0.3, 0.2, 0.1])
    >>> code.codewords
    {0: '0', 1: '10', 3: '110', 2: '111'}
    >>> round(code.expected_length.item(), 12)
    1.9
    >>> huffman_code({"e": 5, "t": 3, "a": 3}, base=3, normalize=True).encode("tea")
    '021'
    """
    base = _digits(base, most=len(DIGITS))
    symbols, row = _symbols(p, normalize)
    weights = _integers(row)
    total = sum(weights)
    heap = [
        (weight, age, CodeTree(weight / total, symbol, ()))
        for age, (symbol, weight) in enumerate(zip(symbols, weights, strict=True))
        if weight
    ]
    heapq.heapify(heap)
    count = 1 if len(heap) == 1 else 2 + (len(heap) - 2) % (base - 1)
    for age in range(len(weights), 2 * len(weights)):
        taken = [heapq.heappop(heap) for _ in range(count)]
        weight = sum(one[0] for one in taken)
        joined = CodeTree(weight / total, None, tuple(one[2] for one in taken))
        heapq.heappush(heap, (weight, age, joined))
        if len(heap) == 1:
            break
        count = base
    return HuffmanCode(heap[0][2], base)


def _symbols(p: ArrayLike | Mapping[Any, float], normalize: bool) -> tuple[list[Any], Floats]:
    """Return the symbols and the row of their probabilities or counts, or raise."""
    mapping = isinstance(p, Mapping)
    given = as_reals(list(p.values()) if isinstance(p, Mapping) else p, "p")
    if given.ndim != 1:
        raise ValueError(f"p must be one distribution of shape (K,), got shape {given.shape}")
    if given.size == 0:
        raise ValueError("p has no outcomes: a code needs at least one symbol")
    symbols = list(p) if mapping else list(range(given.size))  # type: ignore[arg-type]
    return symbols, _checked_table(given[None], limit=tolerance(given), norm=normalize)[0]
