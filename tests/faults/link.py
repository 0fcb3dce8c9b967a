"""A way to a database that can be cut, stalled and slowed down."""

import socket
import threading
import time

OPEN, STALLED, CUT = "open", "stalled", "cut"


class Link:
    def __init__(self, row, target):
        self.target, self.way, self.delay, self.sockets = target, OPEN, 0.0, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        row.callback(self.end)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.way == CUT:
                    raise OSError
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.sockets += [client, server]
            for one, other in [(client, server), (server, client)]:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

    def carry(self, source, sink):
        try:
            while data := source.recv(65536):
                if self.delay:
                    time.sleep(self.delay)
                while self.way == STALLED:
                    time.sleep(0.02)
                sink.sendall(data)
        except OSError:
            # However the copy ends, both directions end with it.
            pass
        for one in (source, sink):
            shut(one)

    def cut(self):
        self.way = CUT
        for one in self.sockets:
            shut(one)
        self.sockets = []

    def restore(self):
        self.way, self.delay = OPEN, 0.0

    def end(self):
        shut(self.listener)
        self.listener.close()
        self.cut()


def shut(one):
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
