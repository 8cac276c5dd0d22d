"""Parts of the documentation that a reader of results needs, as pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Flask, abort, render_template, url_for
from markupsafe import Markup

from web.handbook.markdown import to_html

FOLDER: Final = Path(__file__).parents[2] / "docs"
TITLES: Final = {
    "engine": "Engine",
    "metrics": "Metrics",
    "rules": "Rules",
    "agreement": "Agreement",
    "price-files": "Price files",
}
"""The documents that are pages, by the name of their file; the image holds these files alone of the folder."""

bp = Blueprint("handbook", __name__)


@bp.get("/docs/<name>")
def page(name: str) -> str:
    """One document, with links to the others."""
    if name not in TITLES:
        abort(404, f"There is no page {name}; there are {', '.join(TITLES)}.")
    return render_template("handbook.html", name=name, titles=TITLES, text=_text(name))


def register(app: Flask) -> None:
    """Offer the place of a rule's explanation to the templates."""
    app.jinja_env.globals["rule_page"] = _rule_page


def _rule_page(rule_type: str) -> str | None:
    """Where a rule is explained; None for one of an installed package, which has no chapter."""
    anchor = rule_type.lower()
    return (
        url_for("handbook.page", name="rules", _anchor=anchor) if f'id="{anchor}"' in _text("rules") else None
    )


@cache
def _text(name: str) -> Markup:
    written = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    return to_html(written, {f"{other}.md": other for other in TITLES})
