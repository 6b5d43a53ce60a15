"""Typeset every formula while the book is built, so that it shows without JavaScript.

KaTeX is one JavaScript file; QuickJS (a wheel of a few megabytes) runs it, so the build needs no
Node. A formula that KaTeX does not accept in strict mode is a warning that names page and line,
and under ``-W`` the build fails. MathML is kept beside the visible form for screen readers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import quickjs
from docutils import nodes
from renewal import metadata
from sphinx.locale import _
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.fileutil import copy_asset
from sphinx.util.math import get_node_equation_number

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)
KATEX = Path(__file__).parent / "vendor" / "katex"

BASE = 'class="katex-base"'  # an unbreakable part of a formula in KaTeX's output

# The result crosses over as JSON: QuickJS cannot hand KaTeX's rope strings to Python directly.
RENDER = """
function render(formula, displayMode) {
  try {
    const html = katex.renderToString(formula, {
      displayMode, output: "htmlAndMathml", strict: "error", throwOnError: true});
    return JSON.stringify({html});
  } catch (error) { return JSON.stringify({error: error.message}); }
}"""


@cache
def katex() -> Callable[[str, bool], str]:
    """KaTeX, loaded once: 0.4 ms a formula (quickjs.Function collects garbage at every call)."""
    context = quickjs.Context()
    context.eval((KATEX / "katex.min.js").read_text("utf-8") + RENDER)
    return context.get("render")


@cache
def typeset(formula: str, display: bool) -> dict[str, str]:
    """``{"html": …}``, or ``{"error": …}`` where KaTeX refuses the formula."""
    return json.loads(katex()(formula, display))


def rendered(writer: HTML5Translator, node: nodes.Element, display: bool) -> str:
    """The formula as HTML; a bad one as it was written, with a warning."""
    answer = typeset(node.astext().strip(), display)
    if "html" in answer:
        return answer["html"]
    message = re.sub("\N{COMBINING LOW LINE}", "", answer["error"])
    logger.warning("%s in the formula %r", message, node.astext(), location=node, type="katex")
    return f"<code>{escape(node.astext())}</code>"


class KeepPunctuation(SphinxPostTransform):
    """A browser may break a line after a formula, and leave its full stop alone on the next."""

    default_priority = 300
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Bind a formula of one or two parts to the punctuation that touches it."""
        for math in list(self.document.findall(nodes.math)):
            parent, place = math.parent, math.parent.index(math)
            after = parent[place + 1] if place + 1 < len(parent) else None
            found = isinstance(after, nodes.Text) and re.match(r"[.,;:!?)\]’”%-]+", after)
            if found and typeset(math.astext().strip(), False).get("html", "").count(BASE) <= 2:
                bound = nodes.inline("", "", math, nodes.Text(found[0]), classes=["nobreak"])
                parent[place : place + 2] = [bound, nodes.Text(after[found.end() :])]


def is_column_head(node: nodes.math) -> bool:
    """Whether the formula is all that the head of a table's column holds."""
    entry = node.parent.parent
    head = entry.parent.parent if isinstance(entry, nodes.entry) else None
    return isinstance(head, nodes.thead) and len(node.parent) == len(entry) == 1


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    """A formula in a line of text."""
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    html = rendered(self, node, display=False)
    if is_column_head(node):  # a screen reader may want words there, and axe does
        label = re.sub(r"\\[a-z]*(?:rm|cal|bf|bb)\b|[\\{}]", "", node.astext())
        html = html.replace("<math ", f'<math aria-label="{escape(label)}" ', 1)
    self.body.append(html + "</span>")
    raise nodes.SkipNode


def visit_display(self: HTML5Translator, node: nodes.math_block) -> None:
    """A wide formula scrolls in a box of its own, which the keyboard can reach."""
    number = get_node_equation_number(self, node) if node["number"] else ""
    name = f"Formula {number}" if number else "Formula"
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    self.body.append(f'<div class="formula" tabindex="0" role="group" aria-label="{name}">')
    self.body.append(rendered(self, node, display=True) + "</div>")
    if number:
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def copy_katex(app: Sphinx, error: Exception | None) -> None:
    """Ship the style sheet and the fonts; the script stays here."""
    if error is None and app.builder.format == "html":
        target = Path(app.outdir, "_static", "katex")
        target.mkdir(parents=True, exist_ok=True)
        for name in ("katex.min.css", "LICENSE", "fonts"):
            source = KATEX / name
            copy_asset(source, target / name if source.is_dir() else target)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer that ``html_math_renderer: katex`` chooses."""
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_display, None))
    app.add_css_file("katex/katex.min.css")
    app.add_post_transform(KeepPunctuation)
    # Before lean_pages (default 500) joins the style sheets.
    app.connect("build-finished", copy_katex, priority=100)
    return metadata(__file__)
