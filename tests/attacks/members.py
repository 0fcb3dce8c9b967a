"""Members by the number, written into the database as the server would: so that there are always some that it has never seen."""

import base64
import binascii
import hashlib
import hmac
import secrets
import string
import uuid

from attack import NOBODY

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
SECRET = """INSERT INTO client_secrets
    (id, client_id, name, hint, digest, pepper_version, created_by, created_at, expires_at, status_index)
    VALUES (?, ?, ?, ?, ?, ?, 'attacks', datetime('now'), datetime('now', '+200 days'), ?)"""


def of_nobody(number):
    """A client that nobody has."""
    return {"client_id": NOBODY.format(number), "client_secret": "wrong", "resources": ["5df05a6d-8ef0-49fe-9441-62cd9b540376"]}


def well_formed():
    """What has the form and the checksum of a secret."""
    text = "".join(secrets.choice(BASE62) for _ in range(3)) + "_wmda_" + "".join(secrets.choice(BASE62) for _ in range(43))
    rest, digits = binascii.crc32(text.encode()), ""
    for _ in range(6):
        digits = BASE62[rest % 62] + digits
        rest //= 62
    return text + digits


def pepper(folder):
    """The version and the key."""
    with open(f"{folder}/pepper") as lines:
        version, key = next(line for line in lines if line.strip() and not line.startswith("#")).split()
    return int(version), base64.b64decode(key)


class Members:
    """Writes them."""

    def __init__(self, server):
        self.server = server
        self.version, self.key = pepper(server.summary["data_dir"])

    def row(self, client, name, value, index):
        digest = hmac.new(self.key, uuid.UUID(client).bytes + value.encode(), hashlib.sha256).digest()
        return str(uuid.uuid4()), client, name, value[:3], digest, self.version, index

    def indexes(self, count):
        """Free places in the status list, the first of them."""
        first = self.server.read("SELECT next_status_index FROM change_counter")[0][0]
        self.server.write("UPDATE change_counter SET next_status_index = next_status_index + ?", [(count,)])
        return first

    def add(self, count):
        """So many members with a secret each."""
        organisation = self.server.read("SELECT id FROM organisations LIMIT 1")[0][0]
        resource, role = self.server.read("SELECT resource_id, role FROM resource_roles LIMIT 1")[0]
        ids, first = [str(uuid.uuid4()) for _ in range(count)], self.indexes(count)
        members = [{"client_id": one, "client_secret": well_formed(), "resources": [resource]} for one in ids]
        self.server.write("INSERT INTO applications (client_id, organisation_id, name, enabled) VALUES (?, ?, ?, TRUE)",
                          [(one, organisation, f"Partner-NL-{one.replace('-', '')}-SMC") for one in ids])
        self.server.write("INSERT INTO permissions (client_id, resource_id, role) VALUES (?, ?, ?)",
                          [(one, resource, role) for one in ids])
        rows = [self.row(one["client_id"], "first", one["client_secret"], first + at) for at, one in enumerate(members)]
        self.server.write(SECRET, rows)
        return members

    def fill(self, client, count):
        """One application with so many secrets."""
        first = self.indexes(count)
        self.server.write(SECRET, [self.row(client, f"old {at}", f"{at:03}{secrets.token_hex(8)}", first + at)
                                   for at in range(count)])
