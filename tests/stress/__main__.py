"""`make stress`: the product, then the two controls that must be found leaking."""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BUDGET = 165.0  # seconds in all, of which
STARTS = 60.0  # for starting and stopping servers and for the sweeps
ROOT = Path(__file__).resolve().parent.parent.parent
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
os.environ["TEST_DATA_DIR"] = os.environ.get("STRESS_DATA_DIR", str(ROOT / ".cache" / "stress"))

import django  # noqa: E402 - the settings are chosen above

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from config.embedded import running  # noqa: E402
from tenants.context import use_shared  # noqa: E402
from tests.stress.ground import Ground  # noqa: E402
from tests.stress.tally import Tally  # noqa: E402
from tests.stress.variants import MUTATED, STOCK, WHOLE_PRODUCT, stress  # noqa: E402

SLUGS = ("acme", "globex", "initech", "umbrella")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="make stress", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=40.0, help="of stress on the product")
    arguments.add_argument("--workers", type=int, default=48, help="clients at once")
    chosen = arguments.parse_args()
    begun = time.monotonic()
    with running(Path(settings.DATA_DIR), durable=False) as cluster, use_shared():
        name = settings.DATABASES["default"]["NAME"]
        cluster.drop_database(name)
        cluster.create_database(name)
        call_command("migrate", verbosity=0)
        ground = Ground(cluster, name, SLUGS)
        ground.prepare()
        print(f"{len(SLUGS)} tenants made in {time.monotonic() - begun:.0f} s", flush=True)
        # A slow machine stresses for a shorter time: starts and ends take what is left over.
        left = BUDGET - (time.monotonic() - begun) - STARTS
        seconds = max(5.0, min(chosen.seconds, left * 0.7))
        good = _whole(stress(ground, WHOLE_PRODUCT, seconds, chosen.workers), seconds)
        good &= _controls(ground, max(5.0, min(12.0, left * 0.3)), chosen.workers // 2)
    print(f"{time.monotonic() - begun:.0f} s; {'passed' if good else 'FAILED'}")
    return 0 if good else 1


def _whole(tally: Tally, seconds: float) -> bool:
    print(f"product, {seconds:.0f} s, 2 servers and a task cluster: {tally}", flush=True)
    missing = {*WHOLE_PRODUCT.scenarios, "rows", "runs", "messages"} - set(tally.checks)
    if missing:
        print(f"  nothing was checked of: {', '.join(sorted(missing))}")
    for error, times in tally.errors.most_common(5):
        print(f"  {times} x {error}")
    for example in tally.examples:
        print(f"  {example}")
    return not (tally.wrong or tally.errors or missing)


def _controls(ground: Ground, seconds: float, workers: int) -> bool:
    """Both at once, each with two tenants of its own. True when both were found leaking."""
    ground.prepare()
    half = len(ground.slugs) // 2
    grounds = ground.part(ground.slugs[:half]), ground.part(ground.slugs[half:])
    with ThreadPoolExecutor(2) as both:
        tallies = both.map(
            lambda part, variant: stress(part, variant, seconds, workers),
            grounds,
            (MUTATED, STOCK),
        )
        titles = "1 % of the checks left out", "django-tenants' own backend"
        return all([_found(title, tally) for title, tally in zip(titles, tallies, strict=True)])


def _found(title: str, tally: Tally) -> bool:
    print(f"control, {title}: {tally}", flush=True)
    if not tally.wrong:
        print("  not found leaking: the stress is blind")
    return bool(tally.wrong)


if __name__ == "__main__":
    sys.exit(main())
