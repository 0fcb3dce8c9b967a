"""The restore drill: a backup, changes after it, a database that is lost, and what the journal brings back."""

import datetime
import re
import sqlite3

from clients import Connection, Manager
from ground import own_folder
from nodes import Node, Site
from postgres import Cluster


def drill(row):
    row.did("on SQLite and on PostgreSQL, with `journal.url`: a backup is made and verified; then secrets are created, deleted and suspended; the database is lost and restored from the backup into an empty one")
    cluster = Cluster(row)
    cluster.query("CREATE DATABASE restored")
    for kind, database in [("SQLite", None), ("PostgreSQL", cluster.url())]:
        site = Site(row, database)
        site.settings = site.settings | {"JOURNAL__URL": f"file:{own_folder(row, 'journal')}"}
        node = Node(site)
        manager, connection = Manager(site, node), Connection(node.port)
        kept, deleted, suspended = [manager.create(connection)[1] for _ in range(3)]
        file = str(own_folder(row, "backup") / "backup.jsonl")
        made = site.command("backup", file)
        verified = site.command("backup", "verify", file)
        row.heard(f"{kind}: `backup verify`: {(verified.stdout or verified.stderr).strip().split('backup.jsonl: ')[-1]}")
        row.expect(made.returncode == verified.returncode == 0, f"{kind}: the backup proves itself")
        # What happens after the backup.
        late = manager.create(connection)[1]
        answers = [manager.delete(connection, deleted), manager.suspend(connection, suspended, in_days(3))]
        row.expect(answers == [204, 200] and late is not None, f"{kind}: changes are acknowledged")
        indexes = given(site, cluster)
        node.kill()
        site.database = f"sqlite:{site.folder}/restored.db" if database is None else cluster.url().removesuffix("postgres") + "restored"
        made = [site.command("migrate"), site.command("restore", file)]
        row.heard("; ".join(one.stderr.strip()[-200:] for one in made if one.returncode))
        row.expect(all(one.returncode == 0 for one in made), f"{kind}: it is restored")
        node.variables |= {"DATABASE__URL": site.database}
        node.start()
        told = [re.sub(r"[0-9a-f-]{36}", "…", message) for _, message in node.lines() if "journal" in message]
        row.heard(f"{kind}: “{'; '.join(told)}”")
        connection = Connection(node.port)
        seen = {"kept": connection.token(kept.body), "deleted": connection.token(deleted.body), "suspended": connection.token(suspended.body)}
        row.saw(f"{kind}, after the restore: {', '.join(f'{name} {status}' for name, status in seen.items())}")
        row.expect(seen == {"kept": 200, "deleted": 401, "suspended": 401}, f"{kind}: what was deleted or suspended after the backup stays so")
        # Somebody else, for a code works once.
        Manager(site, node, client=2).create(connection)
        row.expect(max(given(site, cluster)) > max(indexes), f"{kind}: no status index is given twice")
        audit = site.command("admin", "verify-audit")
        row.expect(audit.returncode == 0, f"{kind}: the audit trail is whole")
        node.kill()


def in_days(days):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def given(site, cluster):
    """The status indexes in the database."""
    question = "SELECT status_index FROM client_secrets"
    if site.database.startswith("sqlite:"):
        connection = sqlite3.connect(site.database.removeprefix("sqlite:"))
        try:
            return [index for (index,) in connection.execute(question)]
        finally:
            connection.close()
    return [int(index) for index in cluster.query_in(site.database, question).split()]
