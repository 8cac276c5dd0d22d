"""How the web tier is served: gunicorn's threads, and connections that do not outwait them."""

PATIENT_THREADS = 32
"""How many threads of a process may wait for clients; the others serve those that are ready."""
