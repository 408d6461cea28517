"""The table of metrics is what the page tells, no more and no less."""

from __future__ import annotations

from prometheus_client import Counter

from config.metrics import REGISTRY
from config.metrics_state import StateCollector
from tests.docs.reading import ROOT, prose, table_codes


def told() -> dict[str, set[str]]:
    """Every metric of ours with its labels, by the name that a query uses."""
    found = {}
    for collector in set(REGISTRY._collector_to_names):
        if isinstance(collector, StateCollector):
            for family in collector.collect():
                name = family.name + ("_total" if family.type == "counter" else "")
                found[name] = {label for s in family.samples for label in s.labels}
        elif hasattr(collector, "_labelnames"):
            name = collector._name + ("_total" if isinstance(collector, Counter) else "")
            found[name] = set(collector._labelnames)
    return found


def test_every_metric_is_documented_with_its_labels_and_no_other() -> None:
    after = "platform's operator chooses on its page out of `TENANT_CLASSES`.\n"
    rows = [row for row in table_codes("docs/deployers.md", after.rstrip("\n"))]
    written = {row[0][0]: set(row[1]) for row in rows}
    assert written.pop("process_cpu_seconds_total") == set()
    assert written == told()


def test_the_processs_own_figures_are_documented() -> None:
    text = prose(ROOT / "docs/deployers.md")
    families = (f.name for f in REGISTRY.collect() if f.name.startswith("process_"))
    missing = [name for name in families if name not in text]
    assert missing == []
