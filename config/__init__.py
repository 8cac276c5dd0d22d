"""Settings and logs. Every process of ours imports this package before the libraries that look for plugins."""

from config import plugins

plugins.refuse()
