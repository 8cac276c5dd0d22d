"""The web tier: pages and the HTTP interface. Stateless; any replica answers any request."""
