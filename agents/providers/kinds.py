"""The kinds of provider: what each is called, where it usually is, what its requests look like."""

from __future__ import annotations

from enum import StrEnum

from yarl import URL


class Kind(StrEnum):
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    AZURE_OPENAI = "azure_openai"
    OLLAMA = "ollama"
    OPENAI_COMPATIBLE = "openai_compatible"


KINDS: dict[str, str] = {
    Kind.OPENAI: "OpenAI",
    Kind.ANTHROPIC: "Anthropic",
    Kind.AZURE_OPENAI: "Azure OpenAI",
    Kind.OLLAMA: "Ollama",
    Kind.OPENAI_COMPATIBLE: "OpenAI-compatible",
}

USUAL_ADDRESS: dict[str, str] = {
    Kind.OPENAI: "https://api.openai.com/v1",
    Kind.ANTHROPIC: "https://api.anthropic.com",
    Kind.OLLAMA: "http://localhost:11434/v1",
}
# Without a key these answer nobody.
NEEDS_KEY: frozenset[str] = frozenset({Kind.OPENAI, Kind.ANTHROPIC, Kind.AZURE_OPENAI})


def address_of(kind: str, base_url: str) -> str:
    """The base URL to use; "" where the kind has no usual one and none is given.

    Mends what people paste: Ollama's address without its `/v1`, Anthropic's with one.
    """
    given = base_url.strip().rstrip("/") or USUAL_ADDRESS.get(kind, "")
    if kind == Kind.ANTHROPIC:
        return given.removesuffix("/v1")
    if kind == Kind.OLLAMA and given:
        try:
            bare = URL(given).path in ("", "/")
        except ValueError:
            return given
        return f"{given}/v1" if bare else given
    return given
