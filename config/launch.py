"""Run a server over the application: `python -m config.launch daphne|uvicorn ARGUMENTS...`

The modules are imported with the garbage collector off and then taken out of its sight: nothing of
them is ever garbage, and looking for some took a fifth of the start, and time of every full
collection while serving. Both servers run on uvloop, where there is one: a fifth less of a run.
"""

import asyncio
import gc
import importlib
import runpy
import sys

from django.core.exceptions import ImproperlyConfigured

from config.env import EnvError

# Objects made before the youngest generation is looked at (Python's own: 700). A run makes some
# thousands, and leaves none behind that only the collector would find.
_GC_THRESHOLDS = (20_000, 10, 20)
BACKLOG = 2048  # as uvicorn's; the kernel's net.core.somaxconn may be less


def use_fast_loop() -> None:
    """Event loops made from here on are uvloop's, on the systems that it runs on."""
    try:
        import uvloop
    except ImportError:
        return
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def _let_many_connect() -> None:
    """Twisted lets 50 connections wait to be accepted; others would try again after seconds."""
    from daphne import endpoints

    plain = endpoints.build_endpoint_description_strings

    def patient(**where: object) -> list[str]:
        described: list[str] = plain(**where)
        return [f"{one}:backlog={BACKLOG}" if one[:3] == "tcp" else one for one in described]

    endpoints.build_endpoint_description_strings = patient


def main() -> None:
    """Becomes the server named by the first argument, and ends as it ends."""
    gc.disable()
    use_fast_loop()
    server = sys.argv[1]
    # The server first: daphne installs the event loop that the application then finds.
    importlib.import_module({"daphne": "daphne.server", "uvicorn": "uvicorn.main"}[server])
    if server == "daphne":
        _let_many_connect()
    try:
        importlib.import_module("config.asgi")
    except (EnvError, ImproperlyConfigured) as error:
        sys.exit(f"concord: {error}")
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.enable()
    del sys.argv[1]
    runpy.run_module(server, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
