"""The tables: on the screen as they are in benchmarks/results.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmarks.load import Sample
from benchmarks.results import Figures, Spread
from benchmarks.verdicts import verdicts


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table, its columns padded so that it reads on a screen too."""
    lines = [head, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    shown = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([shown[0], rule, *shown[1:]])


def _numbers(spread: Spread | None, digits: int = 0) -> str:
    """The middle, and where repeats differ the least and the most behind it."""
    if spread is None:
        return "-"
    shown = [f"{value:,.{digits}f}" for value in (spread.middle, spread.least, spread.most)]
    return shown[0] if len(set(shown)) == 1 else f"{shown[0]} ({shown[1]}-{shown[2]})"


def load_table(figures: dict[str, Figures], agent: str) -> str:
    """Every concurrency of one kind of run: a row a contender."""
    columns: list[tuple[str, Callable[[Sample], float], int]] = [
        ("CPU ms/run", lambda sample: sample.cpu, 2),
        ("database CPU ms/run", lambda sample: sample.database_cpu, 2),
        ("runs/s", lambda sample: sample.rate, 0),
        ("first event p50 ms", lambda sample: sample.first_p50, 0),
        ("p99", lambda sample: sample.first_p99, 0),
        ("first token p50 ms", lambda sample: sample.token_p50, 0),
        ("p99", lambda sample: sample.token_p99, 0),
    ]
    levels = sorted({at for each in figures.values() for kind, at in each.load if kind == agent})
    rows = []
    for level in levels:
        for name, each in figures.items():
            samples = each.load.get((agent, level))
            if not samples:
                continue
            row = [f"{level:,}", name]
            row += [
                _numbers(each.spread(agent, level, value), digits) for _, value, digits in columns
            ]
            rows.append([*row, str(sum(sample.errors for sample in samples))])
    return table(["at once", "server", *(title for title, _, _ in columns), "errors"], rows)


def turns_table(figures: dict[str, Figures]) -> str:
    rows = []
    for name, each in figures.items():
        second = each.turn(2)
        for turn in each.turns:
            grown = f"{turn.cpu / second.cpu:.2f}" if second and second.cpu else "-"
            slower = f"{turn.took / second.took:.2f}" if second and second.took else "-"
            numbers = [f"{turn.cpu:.2f}", grown, f"{turn.took:,.0f}", slower]
            rows.append([name, str(turn.number), *numbers, str(turn.errors)])
    head = ["server", "turn", "CPU ms", "to turn 2", "time ms", "to turn 2", "errors"]
    return table(head, rows)


def held_table(figures: dict[str, Figures]) -> str:
    rows = [
        [
            name,
            f"{held.streams:,}",
            str(held.errors),
            f"{held.kb_each:.1f}",
            str(held.threads),
            f"{held.connections} ({held.connections_before})",
            str(held.busy),
            f"{held.lag_p50:.1f} / {held.lag_p99:.1f} / {held.lag_max:.1f}",
            f"{held.cpu_percent:.0f}",
        ]
        for name, each in figures.items()
        if (held := each.held)
    ]
    head = ["server", "streams", "lost", "KB each", "threads", "connections (before)", "at work"]
    return table([*head, "loop lag p50 / p99 / max ms", "CPU %"], rows)


def verdict_table(figures: dict[str, Figures]) -> str:
    rows = [
        ["yes" if verdict.holds else "**no**", verdict.claim, verdict.found]
        for verdict in verdicts(figures)
    ]
    return table(["holds", "claim", "measured"], rows)


def report(figures: dict[str, Figures], heading: list[str]) -> str:
    """All of it, as Markdown; `heading` is what was measured where, a line each."""
    parts = ["# Benchmark results", "\n".join(f"- {line}" for line in heading)]
    parts.append(_HOW)
    if rows := verdicts(figures):
        held = sum(verdict.holds for verdict in rows)
        parts += [f"## What must hold: {held} of {len(rows)}", verdict_table(figures)]
    for agent, title in (("plain", "Plain runs"), ("tool", "Runs with one tool call")):
        if any(kind == agent for each in figures.values() for kind, _ in each.load):
            parts += [f"## {title}", load_table(figures, agent)]
    if any(each.turns for each in figures.values()):
        parts += ["## Long sessions", turns_table(figures)]
    if any(each.held for each in figures.values()):
        parts += ["## Held streams", held_table(figures)]
    errors = _errors(figures)
    if errors:
        parts += ["## What went wrong", "\n".join(f"- {line}" for line in errors)]
    return "\n\n".join(parts) + "\n"


def _errors(figures: dict[str, Figures]) -> list[str]:
    found = []
    for name, each in figures.items():
        if each.broken:
            found.append(f"{name}: {each.broken}")
        for (agent, level), samples in each.load.items():
            found += [
                f"{name}, {agent}, {level:,} at once: {sample.errors} of {sample.runs}; "
                f"the first: `{sample.first_error[:300]}`"
                for sample in samples
                if sample.errors
            ]
        failed = [turn for turn in each.turns if turn.errors]
        found += [f"{name}, sessions: `{turn.first_error[:300]}`" for turn in failed[:1]]
        if each.held and each.held.errors:
            found.append(f"{name}, held: `{each.held.first_error[:300]}`")
    return found


_HOW = """\
Each server is one process on this machine, over the same Postgres with the same durability, asked
by one client process, answered by the same model server (20 tokens, 50 ms to the first, 5 ms
between). Concord checks a token, its scopes and the tenant, and journals every step; AgentOS runs
with its defaults and no authentication, history of ten runs on both. The relay has neither
database nor rights: it is the floor. CPU is the server process's own, user and system, from the
kernel; the database's is beside it. Where a round was repeated, the middle stands first and the
least and most follow; verdicts on CPU use the least, because neighbours on a machine only ever add.
Turn 2 is the mean of turns 2-4, turn 5 of 5-7, turn 50 of 48-50; times of a turn are medians over
sessions that go side by side. The event loop's lag is how late a timer of 10 ms wakes inside the
server; connections are those of the server's login while the streams are held."""
