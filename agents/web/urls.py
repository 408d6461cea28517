"""The web app's pages."""

from __future__ import annotations

from django.urls import path

from agents.web.views import (
    account,
    approvals,
    chat,
    home,
    sessions,
    sign_in,
    signing_out,
    team_runs,
    workflows,
)

app_name = "web"

urlpatterns = [
    path("", home.home, name="home"),
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("account/", account.account, name="account"),
    path("account/sign-out-elsewhere/", signing_out.sign_out_elsewhere, name="sign-out-elsewhere"),
    path("account/password/", account.password, name="password"),
    path("approvals/", approvals.inbox, name="approvals"),
    path("approvals/<uuid:approval_id>/", approvals.one, name="approval"),
    path("approvals/<uuid:approval_id>/decide/", approvals.decide, name="decide-approval"),
    path("chat/<slug:slug>/", chat.new_chat, name="new-chat"),
    path("chat/<slug:slug>/<uuid:session_id>/", chat.session, name="session"),
    path("chat/<slug:slug>/<uuid:session_id>/earlier/", chat.earlier, name="earlier"),
    path("teams/<slug:slug>/", chat.new_team_chat, name="new-team-chat"),
    path("teams/<slug:slug>/<uuid:session_id>/", chat.team_session, name="team-session"),
    path("teams/<slug:slug>/<uuid:session_id>/earlier/", chat.team_earlier, name="team-earlier"),
    path("teams/<slug:slug>/runs/<uuid:run_id>/", team_runs.run, name="team-run"),
    path("workflows/", workflows.workflows, name="workflows"),
    path("workflows/<slug:slug>/", workflows.workflow, name="workflow"),
    path("workflows/<slug:slug>/start/", workflows.start, name="start-workflow"),
    path("workflows/<slug:slug>/runs/<uuid:run_id>/", workflows.run, name="workflow-run"),
    path("workflows/<slug:slug>/runs/<uuid:run_id>/node/", workflows.node, name="workflow-node"),
    path(
        "workflows/<slug:slug>/runs/<uuid:run_id>/cancel/",
        workflows.cancel,
        name="cancel-workflow-run",
    ),
    path(
        "workflows/<slug:slug>/runs/<uuid:run_id>/again/",
        workflows.again,
        name="rerun-workflow",
    ),
    path("sessions/", sessions.sessions, name="sessions"),
    path("sessions/more/", sessions.more, name="more-sessions"),
    path("sessions/<uuid:session_id>/", sessions.row, name="session-row"),
    path("sessions/<uuid:session_id>/rename/", sessions.rename, name="rename-session"),
    path("sessions/<uuid:session_id>/delete/", sessions.delete, name="delete-session"),
]
