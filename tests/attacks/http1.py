"""HTTP/1.1 by hand: what decent clients do, and the parts that an attacker leaves undone."""

import asyncio
import json
import socket
import struct
import urllib.parse


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


async def answer(reader):
    """Status and body of one answer."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = 0
        for line in head.split("\r\n")[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        status = int(head.split(" ", 2)[1])
        return status, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError, IndexError) as error:
        raise Gone(str(error)) from error


async def ask(address, source, sent, timeout=10):
    """One request on a connection of its own."""
    reader, writer = await connect(address, source, timeout)
    try:
        writer.write(sent)
        return await asyncio.wait_for(answer(reader), timeout)
    finally:
        writer.transport.abort()


async def ask_json(address, source, method, path, token=None, body=None, timeout=10):
    headers = ["Content-Type: application/json"] if body is not None else []
    if token:
        headers.append(f"Authorization: Bearer {token}")
    sent = request(method, path, headers, json.dumps(body).encode() if body is not None else b"")
    status, text = await ask(address, source, sent, timeout)
    return status, json.loads(text) if text else None


def reset(writer):
    """Ends the connection as a client that was killed."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
