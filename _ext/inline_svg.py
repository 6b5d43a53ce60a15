"""Put the notebooks' SVG figures into the page itself, so that they follow its theme.

An ``<img>`` cannot see the page's colours. The stored figures stay as they are (black on an opaque
white face: right in JupyterLab and on code hosts); only the site's copy takes its ink from the
text colour, its paper from the page and the course's palette from the variables in ``course.css``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from docutils import nodes
from renewal import metadata
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

logger = logging.getLogger(__name__)
SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
ElementTree.register_namespace("", SVG.strip("{}"))

# Matplotlib's ink and paper, and the palette of divkit.plot, as the page calls them.
INK = {"#000000": "currentColor", "#ffffff": "var(--figure-paper)"}
PALETTE = {
    "#0072b2": "var(--figure-p)",
    "#d55e00": "var(--figure-q)",
    "#009e73": "var(--figure-mixture)",
    "#767676": "var(--figure-neutral)",
}
COLOUR = re.compile(r"#(?:[0-9a-f]{6}|000|fff)\b", re.I)
# Fills its place without the white paper that the theme gives to pictures in the dark.
FILLING = (
    "display: block; width: 100%; height: 100%; max-width: none; padding: 0; background: none; "
)
PIXELS_PER_POINT = 4 / 3
SMALL = 4096  # letters of base64: less than this is not worth a file


def themed(style: str, colours: dict[str, str]) -> str:
    """The style with the page's colours in place of Matplotlib's."""

    def colour(match: re.Match[str]) -> str:
        name = match[0].lower()
        return colours.get(name if len(name) == 7 else name + name[1:], match[0])

    return COLOUR.sub(colour, style)


def remove_faces(root: ElementTree.Element) -> None:
    """The first patch of the figure and of each axes is Matplotlib's white face."""
    for figure in root.iter(f"{SVG}g"):
        name = figure.get("id", "")
        if name == "figure_1" or name.startswith("axes_"):
            face = next((g for g in figure if g.get("id", "").startswith("patch_")), None)
            for path in [] if face is None else list(face):
                path.set("style", path.get("style", "").replace("fill: #ffffff", "fill: none"))


def prefix_ids(root: ElementTree.Element, prefix: str) -> None:
    """Two figures on a page must not share an id (their clips and glyphs would be mixed up)."""
    for element in root.iter():
        if "id" in element.attrib:
            element.set("id", prefix + element.attrib["id"])
        target = element.attrib.pop(HREF, None)
        if target is not None:
            element.set("href", "#" + prefix + target[1:] if target.startswith("#") else target)
        for name, value in element.attrib.items():
            if "url(#" in value:
                element.set(name, value.replace("url(#", f"url(#{prefix}"))


def lazy_pictures(root: ElementTree.Element, folder: Path, address: str) -> None:
    """Rasterised parts become files, which a browser fetches when the reader comes near.

    Only HTML's ``<img>`` can wait, hence the foreignObject; a cloud of ten thousand points or a
    grid of decoded pictures would otherwise be most of a page's weight.
    """
    for parent in list(root.iter()):
        for place, image in enumerate(list(parent)):
            data = image.get("href", "").partition("base64,")[2]
            if image.tag == f"{SVG}image" and len(data) > SMALL:
                content = base64.b64decode(data)
                name = f"{hashlib.sha256(content).hexdigest()[:16]}.png"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
                kept = {"id", "x", "y", "width", "height", "transform", "clip-path"}
                box = ElementTree.Element(
                    f"{SVG}foreignObject", {k: v for k, v in image.attrib.items() if k in kept}
                )
                picture = {"src": address + name, "alt": "", "loading": "lazy"}
                picture["style"] = f"{FILLING}{image.get('style', '')}"
                ElementTree.SubElement(box, f"{SVG}img", picture)
                parent[place] = box


def inline(text: str, prefix: str, alt: str, folder: Path, address: str) -> str:
    """The figure's SVG as it goes into the page."""
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            # Metadata says nothing to a reader; an inline <style> would restyle the whole page.
            if child.tag == f"{SVG}metadata" or child.tag == f"{SVG}style":
                parent.remove(child)
    remove_faces(root)
    prefix_ids(root, prefix)
    # A legend must keep the colours of points that are pixels; they suit both themes.
    colours = INK if root.find(f".//{SVG}image") is not None else INK | PALETTE
    lazy_pictures(root, folder, address)
    for element in root.iter():
        for name in ("style", "fill", "stroke"):
            if name in element.attrib:
                element.set(name, themed(element.attrib[name], colours))
    for name in ("width", "height"):
        points = float(root.get(name, "0").removesuffix("pt"))
        root.set(name, f"{points * PIXELS_PER_POINT:.0f}")
    root.attrib.pop("version", None)
    # Glyphs carry no fill of their own, and the style sheet removed above said "round".
    root.set("fill", "currentColor")
    root.set("stroke-linejoin", "round")
    root.set("class", "figure")
    root.set("role", "img")
    root.set("aria-label", alt)
    svg = ElementTree.tostring(root, encoding="unicode")
    return re.sub(r">\s+<", "><", re.sub(r"\s+", " ", svg))


class InlineSvg(SphinxPostTransform):
    """Runs after myst-nb has chosen the picture of each output, before Sphinx collects images."""

    default_priority = 20
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Replace every SVG picture of the page, captions and numbers staying where they are."""
        pictures = [n for n in self.document.findall(nodes.image) if n["uri"].endswith(".svg")]
        for number, image in enumerate(pictures, start=1):
            file = Path(self.app.srcdir, image["uri"].lstrip("/"))
            if not file.exists():
                continue
            if not image.get("alt"):
                logger.warning("a figure without alt text", location=image, type="figure")
            text, alt = file.read_text("utf-8"), image.get("alt", "")
            address = "../" * self.env.docname.count("/") + "_images/"
            svg = inline(text, f"f{number}-", alt, Path(self.app.outdir, "_images"), address)
            image.replace_self(nodes.raw("", svg, format="html", classes=["output"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the transform."""
    app.add_post_transform(InlineSvg)
    return metadata(__file__)
