"""What every row stands on: folders, ports, waiting, and the account of what was done and seen."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def own_folder(row, name):
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"wmda-auth-faults-{name}-"))
    row.callback(shutil.rmtree, folder, True)
    if os.geteuid() == 0 and name == "postgres":
        subprocess.run(["chown", "postgres", folder], check=True)
    return folder


def until(seconds, holds, pause=0.05):
    """Whether it holds before the time is over."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


class Row(contextlib.ExitStack):
    """One fault: what is set up for it goes when it ends, what was seen stays."""

    def __init__(self, name, options):
        super().__init__()
        self.name, self.options = name, options
        self.done, self.clients, self.said, self.held, self.failed = "", [], [], [], []

    def did(self, text):
        self.done = text

    def saw(self, text):
        self.clients.append(text)

    def heard(self, text):
        if text and text not in self.said:
            self.said.append(text)

    def expect(self, holds, text):
        (self.held if holds else self.failed).append(text)

    def hold(self, long, short):
        """Seconds, or how many: of the whole form and the short one."""
        return short if self.options.quick else long
