"""The Flask application, put together from its parts."""

from __future__ import annotations

from typing import Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from config.settings import Settings
from store.session import Database
from web import assets, errors
from web.api.docs import bp as docs
from web.api.views import bp as api
from web.audit.views import bp as audit
from web.auth import authorization, sign_in
from web.datasets.maintenance import bp as maintenance
from web.datasets.splits import bp as splits
from web.datasets.views import bp as datasets
from web.datasets.yahoo import QuoteSource, YahooFinance
from web.datasets.yahoo_import import bp as yahoo_import
from web.handbook import pages as handbook
from web.health import bp as health
from web.ledger.views import bp as ledger
from web.middleware import compression, concurrency, csrf, receiving, response_headers
from web.presentation import formatting, run_settings
from web.results.curves_api import bp as curves
from web.results.exports import bp as exports
from web.results.result_page import bp as result_page
from web.results.status import bp as status
from web.risk.views import bp as risk
from web.robustness.views import bp as robustness
from web.runs.actions import bp as run_actions
from web.runs.pages import bp as pages
from web.services import Services, install
from web.studies.actions import bp as study_actions
from web.studies.api import bp as study_api
from web.studies.exports import bp as study_exports
from web.studies.pages import bp as study_pages
from web.studies.submit import bp as study_submit
from web.submission import form
from web.submission.form_page import bp as form_page
from web.submission.presets import bp as presets
from web.submission.preview import bp as formula_preview
from web.submission.submit import bp as submit
from web.trades.views import bp as trade_charts

BLUEPRINTS = (
    form_page,
    pages,
    result_page,
    run_actions,
    submit,
    formula_preview,
    status,
    api,
    curves,
    trade_charts,
    risk,
    robustness,
    exports,
    presets,
    datasets,
    yahoo_import,
    splits,
    maintenance,
    study_submit,
    study_pages,
    study_api,
    study_exports,
    study_actions,
    ledger,
    audit,
    docs,
    handbook.bp,
    health,
)

_LARGEST: Final = 2**31 - 1


class _StoredNumber(IntegerConverter):
    """A number in an address that a column of the database can hold; with any other the address does not exist."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=_LARGEST)


def create_app(
    settings: Settings, *, database: Database | None = None, yahoo: QuoteSource | None = None
) -> Flask:
    """The web tier for these settings; connects to nothing before the first request."""
    app = Flask("web", static_folder=None)
    app.url_map.converters["int"] = _StoredNumber
    app.debug = False  # FLASK_DEBUG would show source and variables to any client
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_mib * 1024 * 1024
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    with app.app_context():
        opened = database or Database.open(settings.database_url, pool_size=10)
        install(Services(settings, opened, yahoo or YahooFinance()))
    for part in (
        errors,
        receiving,
        concurrency,
        assets,
        response_headers,
        compression,
        csrf,
        authorization,
        sign_in,
        formatting,
        form,
        run_settings,
        handbook,
    ):
        part.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app
