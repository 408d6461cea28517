"""YAML as JSON data, with the line and column of everything in it.

A part of YAML: no aliases, no tags, no repeated keys, and the words of YAML 1.2 (`no` is a text).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from agents.tools.output import storable
from agents.workflows.flaws import KEY, Flaw, Path

_DEEPEST = 60
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{kind}"
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "map", "seq", "merge")
)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):
    """No YAML that can be taken; `flaw` says where."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.flaw = Flaw((), message, line=line, column=column)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a value begins. `holds`: a list or an object. Of a text: the width of its quote, the
    indent of its lines where it is a block of them.
    """

    line: int
    column: int
    quote: int = 0
    indent: int = 0
    block: bool = False
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Marked:
    """The data of a text, and where its keys and values are."""

    data: Any
    _values: dict[Path, _Mark] = field(repr=False)
    _keys: dict[Path, _Mark] = field(repr=False)

    def place(self, path: Path, inside: tuple[int, int] = (1, 1)) -> tuple[int, int]:
        """Line and column of a place, or of the nearest around it.

        `inside` is a place within a text; (0, 0) asks for the key instead of the value.
        """
        while path not in self._values and path:
            path, inside = path[:-1], (1, 1)
        mark = self._values[path]
        if path in self._keys and (inside == KEY or mark.holds):
            return self._keys[path].line, self._keys[path].column
        line, column = inside if inside != KEY else (1, 1)
        if mark.block:
            return mark.line + line, mark.indent + column
        if line > 1:
            return mark.line + line - 1, column
        return mark.line, mark.column + mark.quote + column - 1

    def located(self, flaw: Flaw) -> Flaw:
        line, column = self.place(flaw.path, flaw.inside)
        return Flaw(flaw.path, flaw.message, flaw.node, line, column)


def read(text: str) -> Marked:
    """Raises Unreadable for what is no YAML, or none that can be taken here."""
    text = text.replace("\r\n", "\n")
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise Unreadable(line, column, _sentence(error)) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        said = "There is a character that YAML can't have."
        raise Unreadable(before.count("\n") + 1, 1, said) from None
    except RecursionError:
        raise Unreadable(1, 1, "It is nested too deeply.") from None
    if root is None:
        raise Unreadable(1, 1, "There is nothing in it.")
    reader = _Reader(text)
    data = reader.value(root, ())
    return Marked(data, reader.values, reader.keys)


def _sentence(error: yaml.MarkedYAMLError) -> str:
    said = " ".join(str(part) for part in (error.context, error.problem) if part)
    hint = ""
    if "could not find expected ':'" in said or "mapping values are not allowed" in said:
        hint = " A text with a colon or a # in it is written between quotes."
    elif "\\t" in said:
        hint = " Indent with spaces, not with tabs."
    return f"This is no YAML: {said or 'it can not be read'}.{hint}"


class _Reader:
    def __init__(self, text: str) -> None:
        self.values: dict[Path, _Mark] = {}
        self.keys: dict[Path, _Mark] = {}
        self._lines = text.split("\n")
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> Any:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if id(node) in self._seen:
            raise Unreadable(line, column, "Anchors and aliases (& and *) aren't taken here.")
        self._seen.add(id(node))
        if node.tag not in _PLAIN_TAGS:
            raise Unreadable(line, column, f"Tags such as {node.tag} aren't taken here.")
        if len(path) > _DEEPEST:
            raise Unreadable(line, column, "It is nested too deeply.")
        if isinstance(node, yaml.ScalarNode):
            self.values[path] = self._text_mark(node)
            return self._scalar(node)
        self.values[path] = _Mark(line, column, holds=True)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(one, (*path, place)) for place, one in enumerate(node.value)]
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, found)
            inner = (*path, key)
            mark = key_node.start_mark
            self.keys[inner] = _Mark(mark.line + 1, mark.column + 1)
            found[key] = self.value(value_node, inner)
        return found

    def _key(self, node: yaml.Node, found: dict[str, Any]) -> str:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if not isinstance(node, yaml.ScalarNode) or node.tag.endswith(":merge"):
            raise Unreadable(line, column, "A key is a name, nothing else.")
        if node.value in found:
            raise Unreadable(line, column, f"{node.value} is there twice.")
        if storable(node.value) != node.value:
            raise Unreadable(line, column, "A NUL or half a surrogate pair can't be kept.")
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if storable(text) != text:
            raise Unreadable(line, column, "A NUL or half a surrogate pair can't be kept.")
        if node.style or node.tag.endswith(":str"):
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            if len(text.lstrip("+-")) > 18:
                raise Unreadable(line, column, "This number is too long: write it between quotes.")
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if not math.isfinite(number):
                raise Unreadable(line, column, "This number is too large.")
            return number
        return text

    def _text_mark(self, node: yaml.ScalarNode) -> _Mark:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if node.style in ("|", ">"):
            below = self._lines[line:]
            first = next((one for one in below if one.strip()), "")
            return _Mark(line, column, indent=len(first) - len(first.lstrip(" ")), block=True)
        return _Mark(line, column, quote=1 if node.style else 0)
