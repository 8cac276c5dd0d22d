"""An HTTP server with fixed answers, in the place of Argo CD's and GitHub's."""

import http.server
import json
import threading
from contextlib import contextmanager


def application(revision, image="sha256:" + "1" * 64):
    """What Argo CD answers about an application that is Synced, Healthy and verified at a revision."""
    source = {
        "kustomize": {"images": [f"stock-backtest=ghcr.io/owner/stock-backtest:{revision[:7]}@{image}"]}
    }
    return {
        "status": {
            "sync": {"status": "Synced", "revision": revision},
            "health": {"status": "Healthy"},
            "operationState": {"phase": "Succeeded", "message": "successfully synced"},
            "history": [{"revision": "0" * 40}, {"revision": revision, "source": source}],
        }
    }


@contextmanager
def serve(answers):
    """A server while the block lasts; it remembers the tokens that it was shown."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.tokens.append(self.headers.get("Authorization"))
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(json.dumps(answers.get(self.path)).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.tokens, server.address = [], f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
