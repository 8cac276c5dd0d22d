"""A stand-in for Argo Server: as much of its HTTP interface as we use, and the faults that it can have."""

import json
import re
import threading
import uuid
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

NAMESPACE, TOKEN = "stock-backtest", "a-token-of-the-web"
TERMINATED = "Stopped with strategy 'Terminate'"


class ArgoServer:
    """Keeps workflows in memory; `answer` replaces every answer by one of the test's."""

    def __init__(self):
        self.workflows = {}
        self.templates = {"backtest": [], "backtest-sweep": [], "backtest-robustness": []}
        self.asked, self.tokens, self._versions = [], [], 0
        self.page_size = 500
        self.answer = None
        self.swallow = False
        """Do what is asked, but close the connection without an answer."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def move(self, name, phase, *, message="", nodes=()):
        """Let a workflow be where the controller would have brought it."""
        named = {f"{name}-{i}": {"id": f"{name}-{i}", "name": name, **node} for i, node in enumerate(nodes)}
        pods = [each for each in nodes if each.get("type") == "Pod"]
        done = sum(each.get("phase") == "Succeeded" for each in pods)
        state = {"phase": phase, "message": message, "progress": f"{done}/{len(pods)}", "nodes": named}
        self.workflows[name]["status"] = state
        self.touch(name)
        if phase in ("Succeeded", "Failed", "Error"):
            self.workflows[name]["metadata"]["labels"]["workflows.argoproj.io/completed"] = "true"

    def touch(self, name):
        """Every change gives an object another version."""
        self._versions += 1
        self.workflows[name]["metadata"]["resourceVersion"] = str(self._versions)

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _handler(fake):  # noqa: N805 the handler's self is another
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self._serve(fake.get)

            def do_POST(self):
                self._serve(fake.post)

            def do_PUT(self):
                self._serve(fake.put)

            def log_message(self, *_):
                """Nothing: tests speak for themselves."""

            def _serve(self, method):
                url = urlsplit(self.path)
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
                fake.asked.append((self.command, url.path))
                fake.tokens.append(self.headers.get("Authorization"))
                status, content = fake.guarded(method, url, body, self.headers.get("Authorization"))
                if fake.swallow:
                    self.close_connection = True
                    return
                if fake.answer is not None:
                    status, content = fake.answer
                text = content if isinstance(content, str) else json.dumps(content)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                with suppress(BrokenPipeError):  # a client that would not wait
                    self.wfile.write(text.encode())

        return Handler

    def guarded(self, method, url, body, token):
        _, _, _, _, namespace, *rest = url.path.split("/")
        if token != f"Bearer {TOKEN}":
            return error(401, 16, "token not valid")
        if namespace != NAMESPACE:
            return error(403, 7, f'workflows.argoproj.io is forbidden in the namespace "{namespace}"')
        return method(rest, parse_qs(url.query), body)

    def post(self, _rest, _query, body):
        wanted = body["workflow"]
        name, template = wanted["metadata"]["name"], wanted["spec"]["workflowTemplateRef"]["name"]
        if template not in self.templates:
            return error(404, 5, f'workflowtemplates.argoproj.io "{template}" not found')
        if name in self.workflows:
            return error(409, 6, f'workflows.argoproj.io "{name}" already exists')
        wanted["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": "2026-01-05T12:00:00Z"}
        self.workflows[name] = wanted
        self.touch(name)
        return 200, wanted

    def get(self, rest, query, _body):
        fields = query.get("fields", [""])[0].split(",")
        if rest:
            return self._found(rest[0])
        wanted = query.get("listOptions.labelSelector", [""])[0]
        known = [each for each in self.workflows.values() if selected(each, wanted)]
        begin = int(query.get("listOptions.continue", ["0"])[0])
        page = known[begin : begin + self.page_size]
        more = str(begin + self.page_size) if begin + self.page_size < len(known) else ""
        items = [shown(each, [name.removeprefix("items.") for name in fields]) for each in page]
        return 200, {"metadata": {"continue": more} if more else {}, "items": items or None}

    def put(self, rest, _query, _body):
        status, found = self._found(rest[0])
        if status == 200:
            self.move(rest[0], "Failed", message=TERMINATED)
        return status, found

    def _found(self, name):
        if name not in self.workflows:
            return error(404, 5, f'workflows.argoproj.io "{name}" not found')
        return 200, self.workflows[name]


def selected(workflow, selector):
    """Whether a workflow has the labels; only `a=b`, `a!=b` and `a in (b,c)` are known here."""
    labels = workflow["metadata"].get("labels", {})
    for part in re.split(r",(?![^(]*\))", selector):
        if " in " in part:
            name, _, values = part.partition(" in ")
            if labels.get(name) not in values.strip("()").split(","):
                return False
            continue
        name, unlike, value = part.partition("!=") if "!=" in part else part.partition("=")
        if (labels.get(name) == value) is (unlike == "!="):
            return False
    return True


def shown(thing, fields):
    """The object with nothing but these fields, as Argo Server answers."""
    kept = {}
    for name in fields:
        here, there, (*folders, last) = thing, kept, name.split(".")
        for folder in folders:
            here = here.get(folder, {})
        if last in here:
            for folder in folders:
                there = there.setdefault(folder, {})
            there[last] = here[last]
    return kept


def error(status, code, message):
    return status, {"code": code, "message": message}


@contextmanager
def serving():
    server = ArgoServer()
    try:
        yield server
    finally:
        server.close()
