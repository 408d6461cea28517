"""A repository's snapshot, to be read: files with the changes that were approved, issues."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from agents.showcase.models import FileChange
from agents.showcase.sources import NOTE, source
from agents.tools.errors import ToolError
from agents.tools.registry import tool
from agents.tools.spec import Arguments, Effect, ToolContext
from tenants.accounts.scopes import Scope

TOOLKIT = "repository"
_MOST_FOUND = 20
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Nothing(Arguments):
    """No arguments."""


class FileChoice(Arguments):
    path: Annotated[
        str, Field(min_length=1, max_length=200, description="Path of the file, such as README.md")
    ]


class CodeSearch(Arguments):
    query: Annotated[
        str, Field(min_length=2, max_length=200, description="Words or a name to look for")
    ]


class IssueChoice(Arguments):
    issue: Annotated[int, Field(ge=1, le=10**6, description="The issue's number")]


@tool(effect=Effect.READ, scope=Scope.DESK_READ, transactional=True, toolkit=TOOLKIT)
def list_files(context: ToolContext, args: Nothing) -> dict[str, Any]:
    """List the files of the repository, with their lines."""
    return {
        "repository": f"{source('repository')['name']} at {source('repository')['commit']}",
        "files": [f"{path} ({len(text.splitlines())} lines)" for path, text in files().items()],
        "source": NOTE,
    }


@tool(effect=Effect.READ, scope=Scope.DESK_READ, transactional=True, toolkit=TOOLKIT)
def search_code(context: ToolContext, args: CodeSearch) -> dict[str, Any]:
    """Search the code of the repository: the lines that have most of the words, and where."""
    wanted = {word.lower() for word in _WORD.findall(args.query) if len(word) > 2}
    found = []
    for path, text in files().items():
        for number, line in enumerate(text.splitlines(), start=1):
            said = line.lower()
            hits = sum(word in said for word in wanted)
            if hits:
                found.append((-hits, f"{path}:{number}: {line.strip()}"))
    best = sorted(found, key=lambda one: one[0])
    # One of several words is everywhere; half of what the best lines have is what is meant.
    kept = [line for hits, line in best if -hits * 2 > -best[0][0]]
    return {"results": kept[:_MOST_FOUND], "source": NOTE}


@tool(effect=Effect.READ, scope=Scope.DESK_READ, transactional=True, toolkit=TOOLKIT)
def read_file(context: ToolContext, args: FileChoice) -> dict[str, Any]:
    """Read a file of the repository by its path."""
    return {"path": args.path, "content": content_of(args.path), "source": NOTE}


@tool(effect=Effect.READ, scope=Scope.DESK_READ, transactional=True, toolkit=TOOLKIT)
def list_issues(context: ToolContext, args: Nothing) -> dict[str, Any]:
    """List the repository's open issues, the oldest first."""
    return {
        "issues": [
            {
                "number": one["number"],
                "title": f"{one['title']} ({', '.join(one['labels'])}, opened {one['opened']})",
            }
            for one in source("repository")["issues"]
        ],
        "source": NOTE,
    }


@tool(effect=Effect.READ, scope=Scope.DESK_READ, transactional=True, toolkit=TOOLKIT)
def read_issue(context: ToolContext, args: IssueChoice) -> dict[str, Any]:
    """Read an issue of the repository by its number."""
    issues = source("repository")["issues"]
    for one in issues:
        if one["number"] == args.issue:
            return {**one, "source": NOTE}
    known = ", ".join(str(one["number"]) for one in issues)
    raise ToolError(f"there is no open issue {args.issue}; open are {known}")


def files() -> dict[str, str]:
    """What each file says now, by its path: as it ships, with what was changed since."""
    found = {one["path"]: one["content"].lstrip("\n") for one in source("repository")["files"]}
    newest = FileChange.objects.order_by("path", "-id").distinct("path")
    return found | dict(newest.values_list("path", "content"))


def content_of(path: str) -> str:
    """Raises ToolError when there is no such file."""
    found = files()
    if path not in found:
        raise ToolError(f"there is no file {path!r}; list_files names them: {', '.join(found)}")
    return found[path]
