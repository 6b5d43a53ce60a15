"""Make the theme's pages light, self-contained and accessible.

The stock page asks for thirty files and close to a megabyte. After Sphinx has written the pages
this extension joins the style sheets into one (without what no page can match), drops or defers
scripts, gives every page a description, and refuses a page that asks a foreign host for anything.
It may run any number of times over the same pages: each step leaves its own result alone.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lean_css import WORD, join, words_of_page
from PIL import Image
from renewal import metadata
from sphinx.util import logging
from sphinx.util.fileutil import copy_asset

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

logger = logging.getLogger(__name__)

STYLESHEET = re.compile(r"[ \t]*<link\b[^>]*rel=\"stylesheet\"[^>]*>\n?")
SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.S)
IMG = re.compile(r"<img\b[^>]*>")
LINKED_NAME = re.compile(r"(?<=<span class=\"pre\">)\w+(?=</span></code></a>)")
JOINED = "site.css"

# Pages that Sphinx itself makes.
DESCRIPTIONS = {
    "search": "Search all chapters, exercises, figures and the appendix of the course.",
    "genindex": "The terms of the course and the names of its library in alphabetical order, each "
    "with a link to its place.",
}

# Chosen before the first paint; without JavaScript, and on paper, a page is light.
THEME_MODE = """<script>
(d=>{try{d.mode=localStorage.getItem("mode")||"auto"}catch(e){d.mode="auto"}
d.theme=d.mode!="auto"?d.mode:matchMedia("(prefers-color-scheme: dark)").matches?"dark":"light"
let t;addEventListener("beforeprint",()=>{t=d.theme;d.theme="light"})
addEventListener("afterprint",()=>{d.theme=t})
})(document.documentElement.dataset)
</script>"""

# A page that is opened again is laid out whole (course.css), and its first paragraph in sight
# stands where it stood, unless the reader has moved on before the fonts were there. The place is
# kept while the reader scrolls: when the page is left, Chromium has dropped its fonts already.
KEEP_PLACE = """<script>
(key=>{try{let timer,still=true
const all=()=>[...document.querySelectorAll("article :is(p,h2,h3)")]
const top=e=>(e??document.body).getBoundingClientRect().top
const keep=()=>{const e=all(),n=e.findIndex(e=>top(e)>0);sessionStorage[key]=n+" "+top(e[n])}
addEventListener("scroll",()=>{clearTimeout(timer);timer=setTimeout(keep,100)},{passive:true})
if(performance.getEntriesByType("navigation")[0]?.type=="navigate")delete sessionStorage[key]
else document.documentElement.dataset.whole=""
const[n,y]=(sessionStorage[key]||"").split(" ")
for(const act of["wheel","touchmove","keydown"])
addEventListener(act,()=>{still=false},{once:true,passive:true})
const put=()=>{if(y&&still)scrollBy(0,top(all()[n])-y)}
addEventListener("load",()=>document.fonts.ready.then(()=>{put();setTimeout(put,300)}))
}catch(e){}})("place "+location.pathname)
</script>"""

# The two fonts nearly every formula uses, early. Browsers refuse to preload from file://.
PRELOADED = ("KaTeX_Main-Regular", "KaTeX_Math-Italic")
PRELOAD = """<script>
if(location.protocol!="file:")for(const f of {fonts})document.head.append(Object.assign(
document.createElement("link"),{{rel:"preload",as:"font",type:"font/woff2",crossOrigin:"",href:f}}))
</script>"""

# The theme asks every block of code at once whether it scrolls, and so has the whole page laid out.
SCROLLS = "e.scrollWidth>e.clientWidth||e.scrollHeight>e.clientHeight"
ALL_AT_ONCE = f"e.tabIndex={SCROLLS}?0:-1"
WHEN_NEAR = (
    "new IntersectionObserver(([{target:e,isIntersecting:near}],o)=>{"
    f"if(near){{o.disconnect();e.tabIndex={SCROLLS}?0:-1}}"
    '},{rootMargin:"50%"}).observe(e)'
)

# From file:// a page may not read the other pages, so search shows titles without excerpts.
SEARCH_FROM_FILE = 'DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = location.protocol !== "file:";\n'

FOREIGN = [
    re.compile(r"<(?!a\b)[a-z]+\b[^>]*?\s(?:src|data|poster|srcset)=[\"']((?:https?:)?//[^\"']+)"),
    re.compile(r"<(?:link|use|image)\b[^>]*?\s(?:xlink:)?href=[\"']((?:https?:)?//[^\"']+)"),
    re.compile(r"url\(\s*[\"']?((?:https?:)?//[^)\"']+)"),
    re.compile(r"@import\s*[\"']((?:https?:)?//[^\"']+)"),
    re.compile(r"\b(?:fetch|import)\s*\(\s*[\"'`]((?:https?:)?//[^\"'`]+)"),
]


def add_description(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """From the notebook's ``course.description`` or the page's ``html_meta``."""
    if 'name="description"' in context.get("metatags", ""):
        return
    description = DESCRIPTIONS.get(page) or course_of(app.env, page).get("description")
    if not description:
        logger.warning("this page has no description", location=page, type="description")
        return
    tag = f'<meta name="description" content="{escape(description)}" />\n'
    context["metatags"] = context.get("metatags", "") + tag


def course_of(env: BuildEnvironment, page: str) -> dict[str, Any]:
    """What a page says about itself under ``course``; myst-nb stores nested metadata as text."""
    course = env.metadata.get(page, {}).get("course", {})
    return read_mapping(course) if isinstance(course, str) else course


def read_mapping(text: str) -> dict[str, Any]:
    """A mapping written as JSON or as Python."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return ast.literal_eval(text)


def sheet_names(html: str) -> Iterator[str]:
    """The style sheets a stock page asks for, in order, named below ``_static``."""
    for link in STYLESHEET.findall(html):
        name = re.search(r"_static/([^\"?]+)", link)
        if name and name[1] != JOINED:
            yield name[1]


def lean_scripts(html: str, page: str) -> str:
    """Scripts that nothing needs are dropped, the others wait for the page."""

    def lean(match: re.Match[str]) -> str:
        attributes, body = match.groups()
        source = re.search(r"src=\"([^\"]*)\"", attributes)
        if source is None:
            # These lines need a deferred script; a module waits for it, in order.
            late = body.lstrip().startswith("DOCUMENTATION_OPTIONS")
            return f'<script type="module">{body}</script>' if late else match[0]
        name = source[1].split("?")[0].rsplit("/", 1)[-1]
        if name == "fontawesome.js":  # the font has the icons
            return ""
        if name in {"searchtools.js", "language_data.js", "searchindex.js"} and page != "search":
            return ""  # read only by search as you type, which is off
        defer = "" if re.search(r"\bdefer\b", attributes) else "defer "
        return f"<script {defer}{attributes.strip()}></script>"

    html = re.sub(r"[ \t]*<link rel=\"preload\" as=\"script\"[^>]*>\n?", "", html)
    return SCRIPT.sub(lean, html)


def lean_images(html: str, page: Path) -> str:
    """Known sizes keep the page from jumping; pictures further down wait until they are near."""

    def sized(match: re.Match[str]) -> str:
        tag = match[0]
        source = re.search(r"src=\"([^\"]+\.(?:png|jpe?g|webp))\"", tag)
        if source is None or " loading=" in tag or not (page.parent / source[1]).exists():
            return tag
        with Image.open(page.parent / source[1]) as picture:
            width, height = picture.size
        size = f'width="{width}" height="{height}" loading="lazy"'
        return tag.replace("<img ", f"<img {size} ", 1)

    return IMG.sub(sized, html)


def accessible(html: str) -> str:
    """What axe finds on the stock theme's pages."""
    # A button's name must contain the words it shows ("Search Ctrl+K").
    html = re.sub(
        r"(<button class=\"btn search-button-field[^>]*?) aria-label=\"[^\"]*\"", r"\1", html
    )
    # The sidebar's title and search lie outside every landmark.
    html = html.replace(
        '<div id="pst-primary-sidebar" ',
        '<div role="complementary" aria-label="Book" id="pst-primary-sidebar" ',
    )
    # The arrow that unfolds a chapter has no words at all.
    html = html.replace(
        '<summary><span class="toctree-toggle"',
        '<summary aria-label="Pages of this chapter"><span class="toctree-toggle"',
    )
    # Code that scrolls can be scrolled by keys; the theme's script takes the others back.
    html = re.sub(r"<pre>", '<pre tabindex="0">', html)
    # A table that scrolls, too.
    html = html.replace(
        '<div class="pst-scrollable-table-container">',
        '<div class="pst-scrollable-table-container" tabindex="0" role="group" aria-label="Table">',
    )
    # A bibliography is a list of items; the role docutils writes is deprecated.
    html = html.replace('role="doc-biblioentry"', 'role="listitem"')
    # sphinx-proof gives every proof of a page the same id.
    html = re.sub(
        r"<div class=\"proof admonition\" id=\"proof\">\s*<p>Proof\.",
        '<div class="proof plain admonition">\n<p><span class="proof-word">Proof.</span>',
        html,
    )
    # … and its words another shared id, as sphinx-exercise does.
    return re.sub(r" id=\"(?:proof|exercise|solution)-content\"", "", html)


def breakable(html: str) -> str:
    """Long names that are links, as in a table of contents, break after an underscore."""
    return LINKED_NAME.sub(lambda found: found[0].replace("_", "_<wbr>"), html)


def lean_head(html: str) -> str:
    """One style sheet, the theme's mode before it, and an early start for the fonts."""
    static = re.search(r"data-content_root=\"([^\"]*)\"", html)[1] + "_static/"
    fonts = json.dumps([f"{static}katex/fonts/{name}.woff2" for name in PRELOADED])
    link = f'<link rel="stylesheet" href="{static}{JOINED}" />\n'
    html = re.sub(r"(<html\b[^>]*?) data-theme=\"auto\"", r"\1", html)
    html = re.sub(r"<script data-cfasync=\"false\">.*?</script>\n?", "", html, flags=re.S)
    start = STYLESHEET.search(html).start()
    if JOINED not in html:
        link = f"{THEME_MODE}\n{KEEP_PLACE}\n{PRELOAD.format(fonts=fonts)}\n{link}"
    return html[:start] + link + STYLESHEET.sub("", html[start:])


def lean_page(html: str, file: Path, page: str) -> str:
    """All of the above; a page that is lean already comes back as it was."""
    return breakable(accessible(lean_images(lean_scripts(lean_head(html), page), file)))


def read_pages(out: Path) -> dict[str, str]:
    """The theme's pages by name: what else ends in .html belongs to somebody else."""
    found = {}
    for file in sorted(out.rglob("*.html")):
        html = file.read_text("utf-8")
        if "data-content_root=" in html:
            found[file.relative_to(out).with_suffix("").as_posix()] = html
    return found


def all_sheets(pages: dict[str, str], joined: Path) -> list[str]:
    """Names in the order of the pages; for pages made lean before, ``joined`` has kept them."""
    names: dict[str, None] = {}
    if joined.exists() and any(JOINED in html for html in pages.values()):
        before = re.match(r"/\*! joined from (.*?) \*/", joined.read_text("utf-8"))
        names.update(dict.fromkeys(before[1].split(", ") if before else []))
    for html in pages.values():
        names.update(dict.fromkeys(sheet_names(html)))
    return list(names)


def warn_of_foreign_hosts(page: str, text: str) -> None:
    """A reader offline, or one who wants no third party to know, must lose nothing."""
    for pattern in FOREIGN:
        for address in pattern.findall(text):
            logger.warning("asks a foreign host: %s", address, location=page, type="foreign")


def scripts_of(pages: dict[str, str], out: Path) -> str:
    """The text of every script that some page loads."""
    loaded = re.compile(r"src=\"[./]*(_static/[^\"?]+\.js)")
    names = {name for html in pages.values() for name in loaded.findall(html)}
    return "\n".join((out / name).read_text("utf-8") for name in sorted(names))


def make_lean(app: Sphinx, error: Exception | None) -> None:
    """Everything in order, when all files are there."""
    if error is not None or app.builder.name != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    stock = read_pages(out)
    # Sphinx copies nothing when no page is out of date; our style sheet may be.
    for folder in app.config.html_static_path:
        copy_asset(Path(app.srcdir, folder), static)
    names = all_sheets(stock, static / JOINED)
    pages = {page: lean_page(html, out / f"{page}.html", page) for page, html in stock.items()}
    scripts = scripts_of(pages, out)
    words = set(WORD.findall(scripts)).union(*map(words_of_page, pages.values()))
    css = join([static / name for name in names], words, scripts + "".join(pages.values()))
    css = f"/*! joined from {', '.join(names)} */\n{css}"
    (static / JOINED).write_text(css, "utf-8")
    warn_of_foreign_hosts(f"_static/{JOINED}", css)
    version = hashlib.sha256(css.encode()).hexdigest()[:8]
    for page, html in pages.items():
        warn_of_foreign_hosts(page, html)
        lean = html.replace(f'_static/{JOINED}"', f'_static/{JOINED}?v={version}"')
        if lean != stock[page]:
            (out / f"{page}.html").write_text(lean, "utf-8")
    theme = static / "scripts" / "pydata-sphinx-theme.js"
    script = theme.read_text("utf-8")
    if ALL_AT_ONCE in script:
        theme.write_text(script.replace(ALL_AT_ONCE, WHEN_NEAR), "utf-8")
    elif WHEN_NEAR not in script:
        logger.warning("the theme's script measures blocks of code in another way", type="theme")
    options = static / "documentation_options.js"
    if SEARCH_FROM_FILE not in (text := options.read_text("utf-8")):
        options.write_text(text + "\n" + SEARCH_FROM_FILE, "utf-8")
    # Nothing asks for these; together they are three quarters of the site.
    for pattern in ("*.map", "fontawesome.js*", "fa-*.*"):
        for unused in static.rglob(pattern):
            unused.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Run after every extension that copies its style sheet when the build has finished."""
    # A build makes millions of objects and few cycles: looking for them is a sixth of its time.
    gc.disable()
    app.connect("html-page-context", add_description)
    app.connect("build-finished", make_lean, priority=900)
    return metadata(__file__)
