"""A server on loopback that plays a provider: it keeps every request, and does wrong what a test asks for."""

import json
import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    """Path and query, as they came."""
    headers: dict
    body: str

    @property
    def path(self):
        return urlsplit(self.target).path

    @property
    def query(self):
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass
class LocalProvider:
    """Subclasses answer; ``faults`` are for the next POSTs: throttle, lose_before (never seen), lose_after (done)."""

    requests: list = field(default_factory=list)
    faults: deque = field(default_factory=deque)
    throttle_body: dict = field(default_factory=dict)

    def __enter__(self):
        provider, lock = self, Lock()

        class Handler(BaseHTTPRequestHandler):
            def handle_request(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                with lock:
                    provider._serve(self, Request(self.command, self.path, headers, body))

            do_GET = do_POST = handle_request  # noqa: N815 - names of the library

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self):
        return self._server.server_address[1]

    def answer(self, request):
        """Return a status and a document."""
        raise NotImplementedError

    def _serve(self, handler, request):
        self.requests.append(request)
        fault = self.faults.popleft() if request.method == "POST" and self.faults else ""
        if fault == "lose_before":
            _reset(handler)
            return
        status, document = (429, self.throttle_body) if fault == "throttle" else self.answer(request)
        if fault == "lose_after":
            _reset(handler)
            return
        body = json.dumps(document).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def _reset(handler):
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
