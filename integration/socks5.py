# SPDX-License-Identifier: GPL-3.0-or-later
"""A SOCKS5 proxy on 127.0.0.1 that remembers where it was asked to go."""

import contextlib
import socket
import struct
import threading


class Proxy:
    def __init__(self):
        self.destinations = []  # (address, port), in the order of connections
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError, EOFError), client:
            _, count = read(client, 2)
            read(client, count)
            client.sendall(b"\x05\x00")  # no authentication
            _, _, _, kind = read(client, 4)
            if kind == 1:
                address = socket.inet_ntop(socket.AF_INET, read(client, 4))
            elif kind == 4:
                address = socket.inet_ntop(socket.AF_INET6, read(client, 16))
            else:
                address = read(client, read(client, 1)[0]).decode()
            port, = struct.unpack(">H", read(client, 2))
            self.destinations.append((address, port))
            with socket.create_connection((address, port)) as server:
                client.sendall(b"\x05\x00\x00\x01" + bytes(6))
                back = threading.Thread(target=pump, args=(server, client), daemon=True)
                back.start()
                pump(client, server)
                back.join()


def read(stream, size):
    data = b""
    while len(data) < size:
        more = stream.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
