"""Finds arithmetic in a sentence and writes it as one plain expression."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

# Bounded and anchored: an endless row of digits must not cost quadratic time.
_NUMBER = r"(?<![\d.])\d{1,40}(?:,\d{3}){0,12}(?:\.\d{1,40})?|\.\d{1,40}"
_LONGEST = 1_000  # characters that are searched
_SPOKEN = (
    (r"(?<=[\d)%])\s*(?:multiplied by|times)\s*(?=[\d(.\-a-z])", "*"),
    (r"(?<=[\d)])\s*[x\u00d7\u00b7](?=\s*[\d(.\-])", "*"),
    (r"(?<=[\d)%])\s*(?:divided by|over)\s*(?=[\d(.\-a-z])", "/"),
    (r"(?<=[\d)%])\s*plus\s*(?=[\d(.\-a-z])", "+"),
    (r"(?<=[\d)%])\s*minus\s*(?=[\d(.\-a-z])", "-"),
    (r"(?<=[\d)])\s*(?:to the power of|raised to)\s*(?=[\d(\-])", "**"),
    (r"(?<=[\d)])\s*squared\b", "**2"),
    (r"(?<=[\d)])\s*cubed\b", "**3"),
    (r"(?<=[\d)])\s*(?:modulo|mod)\s*(?=[\d(])", "%"),
)
_LISTS = (("average|mean", "({sum}) / {count}"), ("sum|total", "{sum}"), ("product", "{product}"))
_NOT_ARITHMETIC = re.compile(
    r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b|\bhttps?://\S+|\+\d[\d -]{6,}\d"
    r"|\b\d+(?:-\d+){2,}\b|\b24/7\b|\b[\w.+-]+@[\w.-]+"
)
_RUN = re.compile(
    rf"(?:(?:{_NUMBER})|\*\*|//|[-+*/%^()]|\b(?:sqrt|abs|round|min|max|floor|ceil|log10|log|ln|exp"
    rf"|sin|cos|tan)(?=\()|\b(?:pi|tau|e)\b|(?<=\d),(?=\s*\d)|\s)+",
    re.IGNORECASE,
)


@lru_cache(maxsize=512)
def expressions(text: str) -> tuple[str, ...]:
    """The arithmetic expressions of a text in order; a lone number is none."""
    text = _NOT_ARITHMETIC.sub(" ; ", text[:_LONGEST])
    listed = _of_list(text)
    if listed:
        return (listed,)
    plain = _plain(text)
    found: list[str] = []
    for match in _RUN.finditer(plain):
        expression = _trimmed(match.group())
        if expression and expression not in found:
            found.append(expression)
    return tuple(found)


def _plain(text: str) -> str:
    text = text.replace("÷", "/").replace("−", "-").replace("^", "**")  # noqa: RUF001 - the sign
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(rf"\b(?:the )?square root of ({_NUMBER})", r"sqrt(\1)", text, flags=re.IGNORECASE)
    text = re.sub(
        rf"({_NUMBER})\s*(?:%|per ?cent) (?:of|from) (?=[\d(])",
        r"\1/100*",
        text,
        flags=re.IGNORECASE,
    )
    text = re.sub(
        rf"({_NUMBER})\s*(?:%|per ?cent)(?!\s*[\d(])", r"\1/100", text, flags=re.IGNORECASE
    )
    for pattern, sign in _SPOKEN:
        text = re.sub(pattern, f" {sign} ", text, flags=re.IGNORECASE)
    return re.sub(r"((?<![A-Za-z\d.])\d+(?:\.\d+)?|\))\s*\(", r"\1*(", text)


def _of_list(text: str) -> str | None:
    """ "the average of 1, 2 and 6" as an expression."""
    for words, form in _LISTS:
        match = re.search(
            rf"\b(?:{words}) of ((?:-?[\d.]+(?:,? and |, ?| )?)+)", text, re.IGNORECASE
        )
        if match:
            numbers = re.findall(r"-?\d+(?:\.\d+)?", match.group(1))
            if len(numbers) > 1:
                return form.format(
                    sum=" + ".join(numbers), count=len(numbers), product=" * ".join(numbers)
                )
    return None


def _trimmed(run: str) -> str | None:
    """The longest part of a run of arithmetic signs that is an expression with an operation."""
    words = re.sub(r"\s+", " ", run).strip()
    for cut_start in ("", r"^[-+*/%),\s]+", r"^[-+*/%(),\s]+"):
        start = re.sub(cut_start, "", words) if cut_start else words
        for cut_end in ("", r"[-+*/%(,\s]+$", r"[-+*/%(),\s]+$"):
            candidate = re.sub(cut_end, "", start) if cut_end else start
            if candidate and _is_operation(candidate):
                return candidate
    return None


def _is_operation(text: str) -> bool:
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    nodes = list(ast.walk(tree))
    has_operation = any(isinstance(node, ast.BinOp | ast.Call) for node in nodes)
    return has_operation and not any(isinstance(node, ast.Tuple) for node in nodes)
