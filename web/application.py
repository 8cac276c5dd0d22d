"""The Flask application, put together from its parts."""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from store.session import Database
from store.settings import Settings
from web import access, assets, delivery, errors, figures, forms, gate, origin, sign_in
from web.api import bp as api
from web.curves_api import bp as curves
from web.datasets import bp as datasets
from web.docs import bp as docs
from web.exports import bp as exports
from web.form_page import bp as form_page
from web.health import bp as health
from web.keeping import bp as keeping
from web.pages import bp as pages
from web.presets import bp as presets
from web.result_page import bp as result_page
from web.services import Services, install
from web.status import bp as status
from web.submit import bp as submit
from web.yahoo import QuoteSource, YahooFinance
from web.yahoo_import import bp as yahoo_import

BLUEPRINTS = (
    form_page,
    pages,
    result_page,
    keeping,
    submit,
    status,
    api,
    curves,
    exports,
    presets,
    datasets,
    yahoo_import,
    docs,
    health,
)


def create_app(
    settings: Settings, *, database: Database | None = None, yahoo: QuoteSource | None = None
) -> Flask:
    """The web tier for these settings; connects to nothing before the first request."""
    app = Flask("web", static_folder=None)
    app.debug = False  # FLASK_DEBUG would show the inside to whoever asks
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_mib * 1024 * 1024
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    with app.app_context():
        record = database or Database.open(settings.database_url, pool_size=10)
        install(Services(settings, record, yahoo or YahooFinance()))
    for part in (errors, gate, assets, delivery, origin, access, sign_in, figures, forms):
        part.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app
