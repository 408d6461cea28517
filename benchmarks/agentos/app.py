"""AgentOS as its documentation sets it up: two agents, PostgresDb, served by uvicorn.

Runs in a virtual environment of its own (requirements.txt beside this file). Environment:
BENCH_DB_URL, BENCH_MODEL_URL, BENCH_TRACING (1: on), BENCH_ASYNC_DB (1: AsyncPostgresDb).
"""

from __future__ import annotations

import os

from agno.agent import Agent
from agno.db.postgres import AsyncPostgresDb, PostgresDb
from agno.models.openai import OpenAIChat
from agno.os import AgentOS

INSTRUCTIONS = "You are a helpful assistant. Keep answers short and say what you did."


def calculator(expression: str) -> str:
    """Work out an arithmetic expression exactly.

    Args:
        expression: Arithmetic to work out, such as 17*23
    """
    left, _, right = expression.partition("*")
    return str(int(left) * int(right))


store = AsyncPostgresDb if os.environ.get("BENCH_ASYNC_DB") == "1" else PostgresDb
db = store(db_url=os.environ["BENCH_DB_URL"])


def agent(name: str, tools: list) -> Agent:
    """The same instructions, history and tools as the agents of the other side."""
    return Agent(
        id=name,
        name=name,
        model=OpenAIChat(id="bench", api_key="bench", base_url=os.environ["BENCH_MODEL_URL"]),
        db=db,
        instructions=INSTRUCTIONS,
        tools=tools,
        add_history_to_context=True,
        num_history_runs=10,
        telemetry=False,
    )


agent_os = AgentOS(
    id="bench",
    agents=[agent("plain", []), agent("tool", [calculator])],
    db=db,
    tracing=os.environ.get("BENCH_TRACING") == "1",
    telemetry=False,
)
app = agent_os.get_app()
