"""Run apart: serve ten megabytes by our server or by a bare socket, then say what CPU that took."""

from __future__ import annotations

import socket
import sys
import threading
import time
from typing import Any

from exporters.server import Reply, Server

SIZE = 10_000_000


class Fixed:
    """A surface that has one answer for everything."""

    def __init__(self) -> None:
        self._reply = Reply(200, b"x" * SIZE)

    def get(self, target: str, accept: str, encodings: str) -> Reply:
        return self._reply


def ours() -> str:
    surface: Any = Fixed()
    server = Server("127.0.0.1", 0, surface)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.url.removeprefix("http://")


def bare() -> str:
    listener = socket.create_server(("127.0.0.1", 0))
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n".encode()
    body = b"x" * SIZE

    def serve() -> None:
        sock, _ = listener.accept()
        while sock.recv(65536):
            sock.sendall(head)
            sock.sendall(body)

    threading.Thread(target=serve, daemon=True).start()
    host, port = listener.getsockname()
    return f"{host}:{port}"


def main(side: str) -> None:
    print(ours() if side == "ours" else bare(), flush=True)
    began = time.process_time()
    sys.stdin.read()
    print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
