"""The web app's pages."""

from __future__ import annotations

from django.urls import path

from agents.web.views import account, approvals, chat, home, sessions, sign_in, signing_out

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
    path("sessions/", sessions.sessions, name="sessions"),
    path("sessions/more/", sessions.more, name="more-sessions"),
    path("sessions/<uuid:session_id>/", sessions.row, name="session-row"),
    path("sessions/<uuid:session_id>/rename/", sessions.rename, name="rename-session"),
    path("sessions/<uuid:session_id>/delete/", sessions.delete, name="delete-session"),
]
