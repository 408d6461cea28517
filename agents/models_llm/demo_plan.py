"""Decides which tools fit a message, and with which arguments.

Nothing here knows a tool by name: tools are matched by the words of their names, descriptions and
parameters, and a call is only planned when its required arguments can be found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agents.models_llm.demo_arithmetic import expressions
from agents.models_llm.demo_given import brought
from agents.models_llm.demo_schema import fits, placeholder, properties, resolve
from agents.models_llm.demo_values import candidates
from agents.models_llm.demo_words import (
    ACTIONS,
    LIGHT,
    ORDERS,
    STOP,
    WRITES,
    Clause,
    concepts_of,
    halves,
    sentences,
    stem,
    word_set,
    words_of,
)
from agents.models_llm.demo_zones import zones

ENOUGH = 0.5
_ARGUMENTS_FOUND = 0.15  # what a required argument in the message adds to a score
_MOST_CALLS = 5
_MOST_CLAUSES = 12
_MOST_CHARACTERS = 4_000  # of a message that are read for wishes
_FAINT = word_set("get fetch current do run tool data info api") | STOP
_PREPOSITIONS = word_set("the a an my in at for of to on about from with")


@dataclass(frozen=True)
class Tool:
    """A bound tool, taken apart into words."""

    name: str
    description: str
    parameters: dict[str, Any]
    words: tuple[str, ...]

    @property
    def faint(self) -> frozenset[str]:
        """The words of its name that say little of what it does."""
        leading = LIGHT & frozenset(self.words[:1]) if len(self.words) > 1 else frozenset()
        return _FAINT | leading

    @property
    def nouns(self) -> frozenset[str]:
        """What the tool is about: the words of its name that are no actions."""
        return frozenset(
            stem(word)
            for word in self.words
            if not concepts_of(word) & ACTIONS - {"send"} and word not in self.faint
        )

    @property
    def action(self) -> str | None:
        for word in self.words:
            for action in sorted(concepts_of(word) & ACTIONS):
                return action
        return None


@dataclass(frozen=True)
class Call:
    tool: Tool
    arguments: dict[str, Any]


@dataclass
class Plan:
    """Calls in stages (a stage waits for the one before), and what is missing for the rest."""

    stages: list[list[Call]] = field(default_factory=list)
    missing: list[tuple[Tool, list[str]]] = field(default_factory=list)


def read_tool(definition: dict[str, Any]) -> Tool:
    function = definition.get("function") or definition
    name = str(function.get("name") or "")
    spaced = "".join(f" {c}" if c.isupper() else c for c in name).replace("_", " ")
    parameters = function.get("parameters") or {}
    return Tool(name, str(function.get("description") or ""), parameters, words_of(spaced))


def plan(message: str, tools: list[Tool]) -> Plan:
    """What to do about a message. Equal messages and tools give equal plans.

    Only what it asks is read for wishes; what it brings along by name goes into the arguments.
    """
    made = Plan()
    if not tools:
        return made
    said = brought(message)
    for clause in sentences(said.asked[:_MOST_CHARACTERS])[:_MOST_CLAUSES]:
        _plan_clause(clause, tools, made)
    if said.sections:
        _give(made, said.named)
    return made


def _give(made: Plan, given: dict[str, Any]) -> None:
    """Arguments that the message brings by their names stand for what was read out of its words."""
    for stage in made.stages:
        stage[:] = [Call(one.tool, {**one.arguments, **_given(one.tool, given)}) for one in stage]
    for tool, names in list(made.missing):
        there = _given(tool, given)
        if set(names) <= there.keys():
            made.missing.remove((tool, names))
            made.stages.append([Call(tool, there)])


def _given(tool: Tool, given: dict[str, Any]) -> dict[str, Any]:
    known = properties(tool.parameters)
    found = {}
    for name, value in given.items():
        schema = known.get(name)
        if schema is not None and _is_a(value, schema.get("type")) and fits(value, schema):
            found[name] = value
    return found


def _is_a(value: Any, kind: Any) -> bool:
    wanted: Any = {"integer": int, "number": (int, float), "array": list, "string": str}.get(kind)
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    return wanted is None or isinstance(value, wanted)


def forced(message: str, tools: list[Tool], name: str | None) -> Call | None:
    """A call that must be made (`tool_choice`): of the named tool, or of the one that fits best.

    What the message doesn't offer is filled with valid placeholders.
    """
    chosen = [tool for tool in tools if name is None or tool.name == name]
    if not chosen:
        return None
    text = message[:_MOST_CHARACTERS]
    wishes = sentences(text)[:_MOST_CLAUSES] or sentences("?")
    best = max(chosen, key=lambda tool: max(_promise(tool, wish) for wish in wishes))
    arguments: dict[str, Any] = {}
    for wish in wishes:
        found, _ = _arguments(best, wish)
        for key, values in found.items():
            arguments.setdefault(key, values[0])
    root = best.parameters
    for key in root.get("required") or []:
        if key not in arguments:
            arguments[key] = placeholder((root.get("properties") or {}).get(key, {}), root, text)
    return Call(best, arguments)


def object_for(schema: dict[str, Any], message: str) -> dict[str, Any]:
    """An object that is valid for the schema, with what the message offers in it."""
    call = forced(message, [Tool("answer", "", schema, ())], None)
    return call.arguments if call else {}


def _plan_clause(clause: Clause, tools: list[Tool], made: Plan) -> None:
    best = _best(clause, tools)
    writes = best is not None and best[0].action in WRITES
    if sum(map(len, made.stages)) >= _MOST_CALLS:
        return
    for left, right in halves(clause, only_at_starters=writes):
        first, second = _best(left, tools), _best(right, tools)
        if first and second and not first[2] and not second[2]:
            _add(made, first, left)
            _plan_clause(right, tools, made)
            return
    if best is not None:
        _add(made, best, clause)


_Match = tuple[Tool, dict[str, list[Any]], list[str]]


def _best(clause: Clause, tools: list[Tool]) -> _Match | None:
    """The tool that fits best: `(tool, values by parameter, missing parameters)`."""
    sums = bool(expressions(clause.text)) and len(clause.words) <= 6
    if not (clause.request or sums or _begins_with_a_tool(clause, tools)):
        return None
    ranked: list[tuple[float, int, _Match]] = []
    for position, tool in enumerate(tools):
        if _promise(tool, clause) < ENOUGH:  # spares most tools the search for arguments
            continue
        found, missing = _arguments(tool, clause)
        by_name, by_description = _score_by_name(tool, clause, found), 0.0
        if by_name < ENOUGH and not missing and tool.parameters.get("required"):
            by_description = _score_by_description(tool, clause)
        score = max(by_name, by_description) * (1.0 if _ordered(tool, clause) else 0.5)
        if score >= ENOUGH:
            # A tool whose arguments are all there goes before one that would have to ask.
            rank = score - (0.3 if missing else 0.0)
            ranked.append((-rank, position, (tool, found, missing)))
    return min(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def _ordered(tool: Tool, clause: Clause) -> bool:
    """Whether a tool that begins with a verb of change is meant by that verb: "what is note 3?"
    is not to delete it.
    """
    leading = tool.words[0] if len(tool.words) > 1 else ""
    if leading not in ORDERS:
        return True
    return bool(concepts_of(leading) & clause.concepts)


def _begins_with_a_tool(clause: Clause, tools: list[Tool]) -> bool:
    """ "convert 5 EUR to USD", "weather in Rome tomorrow" - but not "weather is fun"."""
    if not clause.words or len(clause.words) > 12 or set(clause.words[1:2]) & STOP - _PREPOSITIONS:
        return False
    first = stem(clause.words[0])
    return any(first in {stem(word) for word in tool.words if word not in _FAINT} for tool in tools)


def _promise(tool: Tool, clause: Clause) -> float:
    """The most a tool's score can be."""
    by_name = _score_by_name(tool, clause, {}) + _ARGUMENTS_FOUND
    return max(by_name, _score_by_description(tool, clause))


def _score_by_name(tool: Tool, clause: Clause, found: dict[str, list[Any]]) -> float:
    """How well a tool fits: 1 when every word of its name is meant by the clause."""
    meant = set(clause.concepts)
    if expressions(clause.text):
        meant.add("calculate")
    if {"have", "list"} & set(clause.words) or clause.text.lower().startswith(("which", "any")):
        meant.add("list")
    total = matched = 0.0
    named = False
    for word in tool.words:
        concepts = concepts_of(word)
        faint = word in tool.faint
        weight = 0.3 if faint else 0.8 if concepts & ACTIONS else 1.2
        total += weight
        if concepts & meant:
            matched += weight
            named = named or not faint
    score = matched / total if total else 0.0
    root = tool.parameters
    required = set(root.get("required") or [])
    if named and required & found.keys():
        score += _ARGUMENTS_FOUND
    return score


def _score_by_description(tool: Tool, clause: Clause) -> float:
    """For a tool whose name says little ("kb"): two words of its description must be meant, and
    only a tool with a required argument, which the message must hold, is taken on that ground.
    """
    described = {stem(word) for word in words_of(tool.description) if word not in STOP}
    content = clause.content
    shared = content & described
    asks = bool({"query", "question", "q", "search"} & properties(tool.parameters).keys())
    if not content or (len(shared) < 2 and not (asks and shared and clause.text.endswith("?"))):
        return 0.0
    return 0.6 * len(shared) / len(content) + 0.15 * len(shared) + (0.15 if asks else 0.0)


def _arguments(tool: Tool, clause: Clause) -> tuple[dict[str, list[Any]], list[str]]:
    """Values the clause offers for each parameter, and the required parameters it has none for."""
    required = list(tool.parameters.get("required") or [])
    found: dict[str, list[Any]] = {}
    used: list[Any] = []
    known = properties(tool.parameters)
    # Required ones choose first: an optional one must not take their value away.
    for name in sorted(known, key=lambda key: key not in required):
        schema = known[name]
        one = _object_in(schema, tool.parameters)
        if one is not None:
            if name in required:
                members, missing = _arguments(Tool(name, "", one, tool.words), clause)
                if not missing:
                    made = {key: value[0] for key, value in members.items()}
                    found[name] = [made if one is schema else [made]]
            continue
        offered = candidates(name, schema, clause, tool.nouns, name in required)
        values = [value for value in offered if fits(value, schema) and value not in used]
        if values:
            found[name] = values
            used.append(values[0])
    return found, [name for name in required if name not in found]


def _object_in(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any] | None:
    """The schema itself if it is an object's, or that of the objects in its list, or None."""
    if schema.get("type") == "object":
        return schema
    items = resolve(schema.get("items"), root) if schema.get("type") == "array" else {}
    if items.get("type") == "object":
        return {**items, "$defs": root.get("$defs") or {}}
    return None


def _add(made: Plan, match: _Match, clause: Clause) -> None:
    tool, found, missing = match
    if missing:
        made.missing.append((tool, missing))
        return
    calls = [Call(tool, arguments) for arguments in _repeated(tool, found)]
    stage = made.stages[-1] if made.stages else None
    if stage is None or clause.then or _disturbs(tool, stage):
        stage = []
        made.stages.append(stage)
    for call in calls:
        if call not in stage and sum(map(len, made.stages)) < _MOST_CALLS:
            stage.append(call)
    made.stages = [stage for stage in made.stages if stage]


def _disturbs(tool: Tool, stage: list[Call]) -> bool:
    """Calls of a stage run at once: what reads must not race with what writes the same things."""
    return any(
        call.tool.name != tool.name
        and call.tool.nouns & tool.nouns
        and (call.tool.action in WRITES or tool.action in WRITES)
        for call in stage
    )


def _repeated(tool: Tool, found: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """One call, or several when one parameter was given several times ("delete notes 3 and 4")."""
    base = {name: values[0] for name, values in found.items()}
    for name, values in found.items():
        several = len(values) > 1 and (
            (isinstance(values[0], int) and len(properties(tool.parameters)) == 1)
            or all(zones(str(value)) for value in values)
            or all(expressions(str(value)) for value in values)
        )
        if several:
            return [{**base, name: value} for value in values[:_MOST_CALLS]]
    return [base]
