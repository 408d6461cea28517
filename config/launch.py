"""Run a server over the application: `python -m config.launch daphne|uvicorn ARGUMENTS...`

The modules are imported with the garbage collector off and then taken out of its sight: nothing of
them is ever garbage, and looking for some took a fifth of the start, and time of every full
collection while serving.
"""

import gc
import importlib
import runpy
import sys


def main() -> None:
    """Becomes the server named by the first argument, and ends as it ends."""
    gc.disable()
    server = sys.argv[1]
    # The server first: daphne installs the event loop that the application then finds.
    importlib.import_module({"daphne": "daphne.server", "uvicorn": "uvicorn.main"}[server])
    importlib.import_module("config.asgi")
    gc.freeze()
    gc.enable()
    del sys.argv[1]
    runpy.run_module(server, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
