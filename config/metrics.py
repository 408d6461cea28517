"""What this process counts, as Prometheus metrics: each defined here, counted where it happens.

No label ever names a tenant, a member or a component: the number of series must not grow with
customers, and the page is read by other people than theirs. A tenant counts in its class, which the
platform's operator gives it. Figures per tenant are in the tenant's own records.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.process_collector import ProcessCollector

REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)

_LONG = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def _counter(name: str, says: str, labels: Iterable[str] = ()) -> Counter:
    return Counter(f"concord_{name}", says, labels, registry=REGISTRY)


def _histogram(
    name: str, says: str, labels: Iterable[str] = (), buckets: tuple[float, ...] = _SHORT
) -> Histogram:
    return Histogram(f"concord_{name}", says, labels, registry=REGISTRY, buckets=buckets)


# --- runs -----------------------------------------------------------------------------------------
RUNS_STARTED = _counter(
    "runs_started", "Runs accepted here; queued ones wait for an executor.", ("tenant_class", "how")
)
RUNS_FINISHED = _counter("runs_finished", "Runs that ended here.", ("tenant_class", "status"))
RUN_SECONDS = _histogram("run_seconds", "From a run's start to its end.", ("tenant_class",), _LONG)
FIRST_EVENT_SECONDS = _histogram(
    "first_event_seconds", "From an event stream's request to its first event sent."
)
RECOVERIES = _counter("recoveries", "Runs taken up here that another process had begun.")
FENCED = _counter("fenced", "Runs let go because a write found another owner.")
LEASES_LOST = _counter("leases_lost", "Runs let go because their lease was another's at renewal.")

# --- steps ----------------------------------------------------------------------------------------
MODEL_CALLS = _counter("model_calls", "Model calls by outcome, an error's code.", ("outcome",))
MODEL_SECONDS = _histogram("model_call_seconds", "A model call's whole time.", (), _LONG)
MODEL_TOKENS = _counter("model_tokens", "Tokens as the endpoints counted them.", ("direction",))
TOOL_CALLS = _counter("tool_calls", "Tool calls by outcome, an error's code.", ("outcome",))
TOOL_SECONDS = _histogram("tool_call_seconds", "A tool call's whole time.", (), _LONG)
STEP_RETRIES = _counter("step_retries", "Attempts that failed and were tried again.", ("kind",))

# --- requests -------------------------------------------------------------------------------------
HTTP_REQUESTS = _counter(
    "http_requests", "Answers by route and class of status.", ("method", "route", "status")
)
HTTP_SECONDS = _histogram(
    "http_request_seconds", "Time to a whole answer; event streams left out.", ("method", "route")
)
PROBLEMS = _counter("problems", "Problems told to clients, by their code.", ("code",))
REFUSALS = _counter("overload_refusals", "What was refused because of load.", ("reason",))
SIGN_IN_FAILURES = _counter("sign_in_failures", "Names or passwords refused, by API and pages.")
STALLED = _counter("stalled_clients", "Connections cut because the client read nothing.")
LOOP_LAG = _histogram(
    "event_loop_lag_seconds",
    "How late the event loop is, looked at ten times a second.",
    (),
    (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)

_CACHE = _counter("cache_requests", "Lookups in this process's caches.", ("cache", "result"))


class CacheCounter:
    """Hits and misses of one cache. Made once per cache by `cache_counter`, then called freely."""

    __slots__ = ("hit", "miss")

    def __init__(self, name: str) -> None:
        self.hit = _CACHE.labels(name, "hit").inc
        self.miss = _CACHE.labels(name, "miss").inc


def cache_counter(name: str) -> CacheCounter:
    """`builds = cache_counter("builds")` at module level; `builds.hit()`, `builds.miss()`."""
    return CacheCounter(name)
