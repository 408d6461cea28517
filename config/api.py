"""The API, version 1: assembled here, written elsewhere."""

from ninja import NinjaAPI

from agents.api.agents import router as agents
from agents.api.approvals import router as approvals
from agents.api.grants import router as grants
from agents.api.lending import router as lending
from agents.api.runs import router as runs
from agents.api.sessions import router as sessions
from agents.api.teams import router as teams
from agents.api.tools import router as tools
from agents.api.usage import router as usage
from agents.api.workflows import router as workflows
from approvals.audit.api import router as audit
from config.api_errors import install_handlers
from tenants.accounts.api import router as accounts
from tenants.accounts.guard import Undeclared
from tenants.accounts.invitation_api import router as invitations
from tenants.accounts.keys_api import router as keys

api = NinjaAPI(
    title="Concord",
    version="1",
    description="Run governed agents: start, follow, cancel; sessions and tools.",
    docs_url="/docs",
    openapi_url="/openapi.json",
    auth=Undeclared(),
    urls_namespace="api-1",
)
ROUTERS = (
    accounts,
    keys,
    invitations,
    agents,
    teams,
    workflows,
    runs,
    approvals,
    lending,
    sessions,
    tools,
    grants,
    usage,
    audit,
)
for router in ROUTERS:
    api.add_router("", router)
install_handlers(api)
