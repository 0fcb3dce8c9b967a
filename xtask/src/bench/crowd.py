"""Adds applications with a grant and some secrets each to a demo's data folder.

usage: crowd.py FOLDER APPLICATIONS SECRETS; the secrets of application n are "crowd-1", "crowd-2" and so on, and its client id
ends in n.
"""

import base64
import hmac
import sqlite3
import sys
import uuid
from pathlib import Path

folder, applications, secrets = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
PEPPER = base64.b64decode((folder / "pepper").read_text().split()[1])


def digest(client_id, number):
    """As `Pepper::digest` of crates/domain makes it."""
    return hmac.digest(PEPPER, uuid.UUID(client_id).bytes + f"crowd-{number}".encode(), "sha256")


database = sqlite3.connect(folder / "wmda-auth.db")
database.create_function("digest", 2, digest)
script = Path(__file__).with_name("crowd.sql").read_text()
database.executescript(script.replace("{applications}", str(applications)).replace("{secrets}", str(secrets)))
