"""What a person sees once everything serves: addresses, logins, the model, the data."""

from __future__ import annotations

from pathlib import Path

from config.env import env_str

DEMO_MEMBERS = "owner, builder, operator, approver, auditor, member"


def banner(port: int, listening: str, data_dir: Path, *, embedded: bool, demo: bool) -> str:
    """A box of text; `listening` is a host other than this machine's own, or empty."""
    platform = f"http://platform.localhost:{port}/admin/"
    lines = ["Concord is ready.", ""]
    if demo:
        acme = f"http://acme.localhost:{port}"
        lines += [
            f"Web app    {acme}/",
            f"Admin      {acme}/admin/",
            f"API        {acme}/api/v1/docs",
            f"           members {DEMO_MEMBERS}; password demo-demo",
            f"Tenant 2   http://globex.localhost:{port}/ with members of the same names",
            f"Platform   {platform} root / demo-demo",
        ]
    else:
        lines += [f"Platform   {platform}"]
    if listening:
        lines += [f"Listening  {listening}:{port}"]
    here = Path.cwd()
    shown = data_dir.relative_to(here) if data_dir.is_relative_to(here) else data_dir
    lines += [f"Model      {_model()}"]
    lines += [f"Data       {shown}{' (with the embedded database)' if embedded else ''}"]
    lines += ["", "Ctrl-C stops it."]
    width = max(map(len, lines))
    rule = "-" * (width + 4)
    return "\n".join([rule, *(f"| {line:<{width}} |" for line in lines), rule])


def _model() -> str:
    address, name = env_str("MODEL_BASE_URL", ""), env_str("MODEL_NAME", "")
    if address or name:
        return f"{name or 'default'} at {address or 'its provider'}"
    return "offline demo model; set MODEL_BASE_URL, MODEL_NAME, MODEL_API_KEY for a real one"
