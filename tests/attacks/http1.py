"""HTTP/1.1 by hand: what decent clients do, and the parts that an attacker leaves undone."""

import asyncio
import json
import socket
import struct
import urllib.parse

FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"


class Gone(Exception):
    """The connection ended before the answer."""


async def connect(address, source, timeout=10):
    host, port = address
    return await asyncio.wait_for(
        asyncio.open_connection(host, port, local_addr=(source, 0)), timeout
    )


def request(method, path, headers=(), body=b""):
    lines = [f"{method} {path} HTTP/1.1", "Host: here", *headers]
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def form(**fields):
    return urllib.parse.urlencode(fields).encode()


def form_request(path, headers=(), **fields):
    return request("POST", path, [FORM, *headers], form(**fields))


def json_request(method, path, token=None, body=None, headers=()):
    headers = list(headers)
    if body is not None:
        headers.append(JSON)
    if token:
        headers.append(f"Authorization: Bearer {token}")
    return request(method, path, headers, json.dumps(body).encode() if body is not None else b"")


async def answer(reader):
    """Status, head and body of one answer."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = int(header(head, "content-length") or 0)
        return int(head.split(" ", 2)[1]), head, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError, IndexError) as error:
        raise Gone(str(error)) from error


def header(head, name):
    """The first value of a header."""
    for line in head.split("\r\n")[1:]:
        given, _, value = line.partition(":")
        if given.lower() == name:
            return value.strip()
    return None


async def ask(address, source, sent, timeout=10):
    """One request on a connection of its own: status and body."""
    reader, writer = await connect(address, source, timeout)
    try:
        writer.write(sent)
        status, _, body = await asyncio.wait_for(answer(reader), timeout)
        return status, body
    finally:
        writer.transport.abort()


async def ask_json(address, source, method, path, token=None, body=None, timeout=10, headers=()):
    status, text = await ask(address, source, json_request(method, path, token, body, headers), timeout)
    return status, json.loads(text) if text else None


class Line:
    """A connection that is kept, and made anew when it is gone."""

    def __init__(self, address, source):
        self.address, self.source, self.streams = address, source, None

    async def ask(self, sent, timeout=30):
        """Status, head and body."""
        if self.streams is None:
            self.streams = await connect(self.address, self.source, timeout)
        reader, writer = self.streams
        try:
            writer.write(sent)
            return await asyncio.wait_for(answer(reader), timeout)
        except (Gone, OSError, asyncio.TimeoutError):
            self.close()
            raise

    def close(self):
        if self.streams is not None:
            self.streams[1].transport.abort()
            self.streams = None


def reset(writer):
    """Ends the connection as a client that was killed."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
