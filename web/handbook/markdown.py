"""Markdown of the documentation as HTML: every heading and every defined name can be linked to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_NOT_IN_AN_ANCHOR: Final = re.compile(r"[^\w\- ]")


def to_html(text: str, pages: Mapping[str, str]) -> Markup:
    """The text as HTML with anchors; its links to other documents lead to `pages`, by file, and else are words.

    A heading has the anchor that GitHub gives it; a paragraph that begins with a name in bold and one in code
    has the latter.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for opening, content in pairwise(tokens):
        if anchor := _anchor(opening, content):
            opening.attrSet("id", anchor)
    for token in tokens:
        _lead(token.children or [], pages)
    html = markdown.renderer.render(tokens, markdown.options, {})
    return Markup(_scrolling(html))  # noqa: S704 # nosec B704 our own documents, in which HTML is text


def _anchor(opening: Token, content: Token) -> str | None:
    if opening.type == "heading_open":
        return _NOT_IN_AN_ANCHOR.sub("", content.content.lower()).replace(" ", "-")
    return _defined(content.children or []) if opening.type == "paragraph_open" else None


def _defined(children: Sequence[Token]) -> str | None:
    """The name that a paragraph defines: `**Sharpe ratio** `sharpe_ratio` …`."""
    kinds = [child.type for child in children[:6]]
    start = 1 if kinds[:1] == ["text"] and not children[0].content else 0
    if kinds[start : start + 5] != ["strong_open", "text", "strong_close", "text", "code_inline"]:
        return None
    return children[start + 4].content if children[start + 3].content == " " else None


def _lead(children: Iterable[Token], pages: Mapping[str, str]) -> None:
    """Turn links to files into links to pages, and links to what is no page into words."""
    is_link = True
    for child in children:
        if child.type == "link_open":
            file, mark, anchor = str(child.attrGet("href") or "").partition("#")
            is_link = not file or file in pages or "://" in file
            child.attrSet("href", f"{pages.get(file, file)}{mark}{anchor}")
        if child.type in ("link_open", "link_close") and not is_link:
            child.tag, child.attrs = "span", {}


def _scrolling(html: str) -> str:
    """Wide tables scroll beside the text of a narrow screen."""
    wrapped = html.replace(
        "<table>", '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>'
    )
    return wrapped.replace("</table>", "</table></div>")
