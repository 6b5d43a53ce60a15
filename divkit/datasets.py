"""The data of the course: Fashion-MNIST, three photographs and a book, found without a network."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.request import urlopen

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "FASHION_MNIST_CLASSES",
    "dusk",
    "image_names",
    "load_fashion_mnist",
    "load_image",
    "load_text",
]

FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
"""What the labels 0 to 9 of Fashion-MNIST stand for, in this order."""

_DATA = Path(__file__).resolve().parents[1] / "data"
_ADDRESS = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
_SYSTEM = Path("/usr/share/datasets/fashion-mnist")  # Debian: dataset-fashion-mnist
_PREFIX = {"train": "train", "test": "t10k"}
# Of the decompressed content: other packers write other gzip headers.
_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte.gz": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}


def _keras_folder() -> Path:
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "datasets" / "fashion-mnist"


def _folders() -> Iterator[tuple[str, Path]]:
    """Where the files are looked for, in this order."""
    yield "the repository's data", _DATA / "fashion-mnist"
    yield "Keras's cache", _keras_folder()
    yield "the system's datasets", _SYSTEM


def _unpacked(packed: bytes, name: str, place: str) -> bytes:
    """Decompress a file's content and check it, or raise ValueError."""
    try:
        content = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{name} in {place} is damaged ({error}): {_remedies()}") from None
    if hashlib.sha256(content).hexdigest() != _SHA256[name]:
        raise ValueError(
            f"{name} in {place} is damaged (its content has another SHA-256): {_remedies()}"
        )
    return content


def _remedies() -> str:
    places = "; ".join(f"{what}, {folder}" for what, folder in _folders())
    return (
        f"looked in {places}. Restore the file with `git checkout -- data`, install Debian's "
        "package dataset-fashion-mnist, or pass download=True"
    )


def _content(name: str, download: bool) -> bytes:
    """Return the decompressed, verified content of one of the four files."""
    for what, folder in _folders():
        if (file := folder / name).is_file():
            return _unpacked(file.read_bytes(), name, f"{what} ({folder})")
    if not download:
        raise FileNotFoundError(f"{name} was not found: {_remedies()}")
    return _downloaded(name)


def _downloaded(name: str) -> bytes:
    """Fetch a file into Keras's cache; only a whole, verified file gets its name."""
    with urlopen(_ADDRESS + name, timeout=60) as answer:
        packed: bytes = answer.read()
    content = _unpacked(packed, name, _ADDRESS)
    folder = _keras_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as part:
        (file := Path(part) / name).write_bytes(packed)
        file.replace(folder / name)
    return content


def load_fashion_mnist(
    split: Literal["train", "test"] = "train", *, as_float: bool = False, download: bool = False
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Load Fashion-MNIST: 28 by 28 grey pictures of clothes in ten classes.

    The files are looked for in the repository's ``data`` folder, in Keras's cache, then in the
    system's dataset folder, and their content is checked against its SHA-256.

    Parameters
    ----------
    split : str
        ``"train"`` for 60 000 images or ``"test"`` for 10 000.
    as_float : bool
        Return float32 in [0, 1] (bytes divided by 255) in place of bytes.
    download : bool
        Where no copy is found, fetch one into Keras's cache. Nothing is ever fetched otherwise.

    Returns
    -------
    images : ndarray of shape (n, 28, 28)
        Grey values, 0 for the background.
    labels : ndarray of shape (n,)
        Classes 0 to 9, as in `FASHION_MNIST_CLASSES`.

    Raises
    ------
    FileNotFoundError
        If no copy is found; the message lists the places and the remedies.
    ValueError
        If a file is damaged or `split` names no part.

    See Also
    --------
    keras.datasets.fashion_mnist.load_data : downloads; checks no hash.

    References
    ----------
    H. Xiao, K. Rasul and R. Vollgraf (2017). Fashion-MNIST: a novel image dataset for benchmarking
    machine learning algorithms. doi:10.48550/arXiv.1708.07747

    Examples
    --------
    >>> images, labels = load_fashion_mnist("test")
    >>> images.shape, images.dtype.name, FASHION_MNIST_CLASSES[labels[0]]
    ((10000, 28, 28), 'uint8', 'Ankle boot')
    """
    if split not in _PREFIX:
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    prefix = _PREFIX[split]
    pixels = _content(f"{prefix}-images-idx3-ubyte.gz", download)
    images = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 28, 28)
    classes = _content(f"{prefix}-labels-idx1-ubyte.gz", download)
    labels = np.frombuffer(classes, np.uint8, offset=8)
    return (images / np.float32(255) if as_float else images), labels


def image_names() -> list[str]:
    """Return the names of the example photographs.

    Returns
    -------
    list of str
        In alphabetical order; what `load_image` takes.

    Examples
    --------
    >>> image_names()
    ['coffee', 'pagoda', 'rocket']
    """
    return sorted(file.stem for file in (_DATA / "images").glob("*.jpg"))


def load_image(name: str) -> NDArray[np.uint8]:
    """Load an example photograph; origin and licence are in ``data/images/README.md``.

    Parameters
    ----------
    name : str
        One of `image_names`.

    Returns
    -------
    ndarray of shape (height, width, 3)
        Red, green and blue, 0 to 255.

    Raises
    ------
    FileNotFoundError
        If the repository's ``data`` folder is not there, as in an installed wheel.
    ValueError
        If there is no such photograph.

    Examples
    --------
    >>> load_image("pagoda").shape
    (214, 320, 3)
    """
    if not (_DATA / "images").is_dir():
        raise FileNotFoundError(
            f"the photographs were not found in {_DATA}: they come with a clone of the repository"
        )
    if name not in image_names():
        raise ValueError(f"no photograph is called {name!r}; there are {', '.join(image_names())}")
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            'load_image needs Pillow. Install it with: pip install "divkit[plot]"'
        ) from error
    with Image.open(_DATA / "images" / f"{name}.jpg") as picture:
        return np.asarray(picture.convert("RGB"))


def dusk(image: ArrayLike) -> NDArray[np.uint8]:
    r"""Turn a daylight picture to dusk by a tone curve for each channel.

    .. math:: y = g_c \, x^{1.8}, \qquad g = (0.45, 0.5, 0.7)

    for red, green and blue values x in [0, 1]: everything darkens, shadows most, and blue least.

    Parameters
    ----------
    image : array_like of shape (height, width, 3)
        Bytes.

    Returns
    -------
    ndarray of shape (height, width, 3)
        Bytes.

    Raises
    ------
    ValueError
        If `image` does not hold bytes in three channels.

    Examples
    --------
    >>> dusk(np.full((1, 1, 3), 255, np.uint8)).tolist()
    [[[115, 128, 178]]]
    """
    values = np.asarray(image)
    if values.dtype != np.uint8 or values.ndim != 3 or values.shape[-1] != 3:
        raise ValueError(
            f"image must hold bytes in shape (height, width, 3), got {values.dtype} {values.shape}"
        )
    curve = np.linspace(0, 1, 256)[:, None] ** 1.8 * np.array([0.45, 0.5, 0.7])
    table = np.rint(255 * curve).astype(np.uint8)
    return np.stack([table[values[..., c], c] for c in range(3)], axis=-1)


def load_text(*, letters_only: bool = False) -> str:
    """Load *Alice's Adventures in Wonderland*; its origin is in ``data/text/README.md``.

    Parameters
    ----------
    letters_only : bool
        Return lower-case letters and single spaces: an alphabet of 27 symbols. What is neither a
        letter nor an apostrophe becomes a space, and apostrophes are dropped.

    Returns
    -------
    str
        145 063 characters of ASCII, lines broken as printed; 134 322 with letters alone.

    Raises
    ------
    FileNotFoundError
        If the repository's ``data`` folder is not there, as in an installed wheel.

    Examples
    --------
    >>> load_text()[:31]
    'CHAPTER I. Down the Rabbit-Hole'
    >>> load_text(letters_only=True)[:30]
    'chapter i down the rabbit hole'
    """
    file = _DATA / "text" / "alice.txt"
    if not file.is_file():
        raise FileNotFoundError(
            f"the text was not found as {file}: it comes with a clone of the repository"
        )
    text = file.read_text(encoding="ascii")
    return re.sub("[^a-z]+", " ", text.lower().replace("'", "")).strip() if letters_only else text
