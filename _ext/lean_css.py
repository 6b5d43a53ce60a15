"""Join style sheets and drop what no page of the book can match (no Sphinx in here)."""

from __future__ import annotations

import base64
import io
import logging
import re
from pathlib import Path

import pydata_sphinx_theme
import tinycss2
from tinycss2.ast import AtRule, IdentToken, Node, ParseError, QualifiedRule

WORD = re.compile(r"-?[A-Za-z_][\w-]*")
CLASSES = re.compile(r"\bclass=\"([^\"]*)\"")
IDS = re.compile(r"\bid=\"([^\"]*)\"")
TAGS = re.compile(r"<([A-Za-z][A-Za-z0-9]*)")
URL = re.compile(
    r"url\(\s*(?P<quote>[\"']?)(?!data:|[a-z]+:|//|#)(?P<path>[^)\"']+)(?P=quote)\s*\)"
)
IMPORT = re.compile(r"@import\s+(?:url\()?[\"']([^\"']+)[\"']\)?\s*;")

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
WEBFONTS = THEME / "vendor" / "fontawesome" / "webfonts"

# FontAwesome's three faces, and the classes that ask for each.
ICON_FACES = {
    "fa-solid-900": {"fa-solid", "fas"},
    "fa-regular-400": {"fa-regular", "far"},
    "fa-brands-400": {"fa-brands", "fab"},
}


def words_of_page(html: str) -> set[str]:
    """Every tag, class and id of a page, and every word of its inline scripts."""
    words = {tag.lower() for tag in TAGS.findall(html)} | set(IDS.findall(html))
    for classes in set(CLASSES.findall(html)):
        words.update(classes.split())
    for script in re.findall(r"<script\b[^>]*>(.+?)</script>", html, re.S):
        words.update(WORD.findall(script))
    return words


def read_sheet(path: Path, static: Path) -> str:
    """The sheet with its imports in place and its addresses relative to ``static``."""
    css = path.read_text("utf-8")
    css = IMPORT.sub(lambda m: read_sheet((path.parent / m[1]).resolve(), static), css)

    def move(match: re.Match[str]) -> str:
        target = (path.parent / match["path"]).resolve()
        return f'url("{target.relative_to(static.resolve()).as_posix()}")'

    return URL.sub(move, css)


def selector_words(tokens: list[Node]) -> set[str]:
    """What a page must contain for the selector to match; arguments of :not(…) do not count."""
    words, before = set(), ""
    for token in tokens:
        if token.type == "hash":
            words.add(token.value)
        elif isinstance(token, IdentToken) and before != ":":
            words.add(token.value if before == "." else token.lower_value)
        before = token.value if token.type == "literal" else ""
    return words


def split_commas(tokens: list[Node]) -> list[list[Node]]:
    """The parts of a selector list."""
    parts: list[list[Node]] = [[]]
    for token in tokens:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def prune(rules: list[Node], words: set[str]) -> str:
    """The rules that some page can match, as compact text."""
    kept: list[str] = []
    for rule in rules:
        if isinstance(rule, ParseError):
            continue
        if isinstance(rule, QualifiedRule):
            parts = [p for p in split_commas(rule.prelude) if selector_words(p) <= words]
            if parts:
                selector = ",".join(tinycss2.serialize(p).strip() for p in parts)
                kept.append(f"{selector}{{{declarations(rule.content)}}}")
        elif isinstance(rule, AtRule) and rule.lower_at_keyword in {"media", "supports", "layer"}:
            inner = tinycss2.parse_rule_list(rule.content or [], True, True)
            if body := prune(inner, words):
                kept.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{body}}}")
        elif isinstance(rule, AtRule) and rule.lower_at_keyword != "charset":
            body = f"{{{declarations(rule.content)}}}" if rule.content is not None else ";"
            kept.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{body}")
    return "".join(kept)


def declarations(tokens: list[Node]) -> str:
    """The inside of a rule without comments and needless space."""
    text = tinycss2.serialize([t for t in tokens if t.type != "comment"])
    return re.sub(r"\s+", " ", text).strip(" ;")


VALUE = r"""(?:"(?:\\.|[^"])*"|'(?:\\.|[^'])*'|[^;{}"'])*"""
VARIABLE = re.compile(rf"(?<=[{{;])\s*(--[\w-]+)\s*:{VALUE}(;|(?=}}))")


def drop_unused_variables(css: str, elsewhere: str) -> str:
    """Without the custom properties that nothing reads (Bootstrap declares hundreds)."""
    read = {*re.findall(r"var\(\s*(--[\w-]+)", css), *re.findall(r"--[\w-]+", elsewhere)}
    lean = VARIABLE.sub(lambda found: found[0] if found[1] in read else "", css)
    # What was dropped may have been the only reader of something else.
    return css if lean == css else drop_unused_variables(lean, elsewhere)


def subset_font(font: Path, characters: set[int]) -> str:
    """The font reduced to these characters, as a data address (two kilobytes of icons)."""
    from fontTools import subset

    options = subset.Options(flavor="woff", layout_features=[], hinting=False, notdef_outline=True)
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    reduced = subset.load_font(str(font), options)
    worker = subset.Subsetter(options)
    worker.populate(unicodes=characters)
    worker.subset(reduced)
    buffer = io.BytesIO()
    subset.save_font(reduced, buffer, options)
    return "data:font/woff;base64," + base64.b64encode(buffer.getvalue()).decode()


def reduce_fonts(css: str, words: set[str]) -> str:
    """Icon fonts shrink to the icons in use; faces that no rule names are dropped."""
    icons = {ord(character) for character in re.findall("[\ue000-\uf8ff]", css)}
    rules = re.sub(r"@font-face ?\{[^}]*\}", "", css)

    def face(match: re.Match[str]) -> str:
        family = re.search(r"font-family:\s*[\"']?([^;}\"']+)", match[0])[1].replace("\\", "")
        for name, classes in ICON_FACES.items():
            if f"{name}." in match[0]:
                if not classes & words:
                    return ""
                data = subset_font(WEBFONTS / f"{name}.ttf", icons)
                return re.sub(r"src:[^}]*", f"src:url({data}) format('woff')", match[0])
        if family not in rules.replace("\\", ""):
            return ""
        # Every browser of the last ten years reads WOFF2; only those files are shipped.
        return re.sub(r",\s*url\([^)]*\)\s*format\([\"'](?:woff|truetype)[\"']\)", "", match[0])

    return re.sub(r"@font-face ?\{[^}]*\}", face, css)


def join(sheets: list[Path], words: set[str], elsewhere: str) -> str:
    """One sheet: what ``words`` can match of all ``sheets``; variables may be read elsewhere."""
    static = next(path for path in sheets[0].parents if path.name == "_static")
    text = "\n".join(read_sheet(path, static) for path in sheets)
    css = prune(tinycss2.parse_stylesheet(text, True, True), words)
    return reduce_fonts(drop_unused_variables(css, elsewhere), words)
