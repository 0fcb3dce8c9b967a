"""PostgreSQL servers of a row's own: each in a folder and on a port of loopback, to be killed, stopped, copied and promoted."""

import os
import pathlib
import signal
import subprocess
import time

from ground import free_port, own_folder, until

SETTINGS = """listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
max_connections = 60
shared_buffers = 16MB
wal_receiver_status_interval = 1
wal_retrieve_retry_interval = 500ms
"""


def programs():
    """The newest version's: `cargo xtask` says where, or Debian."""
    said = os.environ.get("WMDA_AUTH_TEST_POSTGRES_BIN")
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return pathlib.Path(said) if said else found[-1]


class Cluster:
    def __init__(self, row, settings=""):
        self.prepare(row)
        self.run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D", self.data)
        self.configure(SETTINGS + settings)
        self.start()

    def prepare(self, row):
        self.row, self.folder, self.port = row, own_folder(row, "postgres"), free_port()
        self.data = self.folder / "data"
        row.callback(self.end)

    def standby(self, link=None):
        """A server that follows this one, over a link if there is one."""
        copy = Cluster.__new__(Cluster)
        copy.prepare(self.row)
        copy.run("pg_basebackup", "-h", "127.0.0.1", "-U", "postgres", "-p", link.port if link else self.port,
                 "-c", "fast", "--no-sync", "-R", "-D", copy.data)
        copy.start()
        return copy

    def run(self, program, *arguments, check=True):
        """PostgreSQL refuses to run as root."""
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*user, str(programs() / program), *map(str, arguments)]
        # A server that is started would keep a pipe open.
        with open(self.folder / "out", "w+") as out:
            outcome = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            out.seek(0)
            if check and outcome.returncode != 0:
                raise RuntimeError(f"{program} {arguments}: {out.read()}")

    def configure(self, lines):
        with open(self.data / "postgresql.auto.conf", "a") as file:
            file.write(lines)

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-t", "60", "-l", self.folder / "log", "-o", f"-p {self.port}", "start")

    def stop(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop")

    def promote(self):
        self.run("pg_ctl", "-D", self.data, "-w", "promote")

    def follow(self, primary):
        """Lets a server that was a primary follow another, from its next start on."""
        self.configure(f"primary_conninfo = 'host=127.0.0.1 port={primary.port} user=postgres'\n"
                       "recovery_target_timeline = 'latest'\n")
        self.run("/usr/bin/touch", self.data / "standby.signal")

    def processes(self):
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(["pgrep", "-P", str(postmaster)], capture_output=True, text=True).stdout.split()
        return [postmaster, *map(int, children)]

    def signal(self, which):
        for process in self.processes():
            try:
                os.kill(process, which)
            except ProcessLookupError:
                pass

    def kill(self):
        """As the kernel does that is out of memory, all of its processes at once."""
        killed = self.processes()
        self.signal(signal.SIGKILL)
        until(10, lambda: not any(pathlib.Path(f"/proc/{one}").exists() for one in killed[:1]))

    def query(self, statement):
        return self.query_in(self.url(), statement)

    def query_in(self, database, statement):
        command = [str(programs() / "psql"), "-qtAX", "-v", "ON_ERROR_STOP=1", database, "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def set(self, setting, value):
        self.query(f"ALTER SYSTEM SET {setting} = {value}")
        self.query("SELECT pg_reload_conf()")

    def reset(self, setting):
        """Also where nothing can be asked any more."""
        self.configure(f"{setting} = DEFAULT\n" if setting == "max_connections" else f"{setting} = off\n")
        self.run("pg_ctl", "-D", self.data, "reload")

    def url(self):
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def is_followed(self, how="sync"):
        """Waits until a standby is that, and has all."""
        question = f"SELECT count(*) FROM pg_stat_replication WHERE sync_state = '{how}' AND replay_lsn = pg_current_wal_lsn()"
        if not until(20, lambda: self.query(question) == "1"):
            raise RuntimeError("the standby does not catch up")

    def end(self):
        try:
            self.signal(signal.SIGCONT)
            self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop", check=False)
        except (OSError, ValueError, IndexError):
            # It had ended already.
            pass
        time.sleep(0.1)
