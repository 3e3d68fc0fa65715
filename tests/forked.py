"""A fork server of the tests: ``python -m tests.forked SOCKET FOLDER``; each process runs the code in ``$CODE``."""

import sys
from functools import partial
from pathlib import Path

from campanile.services.fork_server import accept_forks, end_with, files_of

if __name__ == "__main__":
    socket_path, folder = map(Path, sys.argv[1:])
    before = files_of(folder)
    request = accept_forks(socket_path, lambda: files_of(folder) != before)
    end_with(partial(exec, request.environment["CODE"], {}))
