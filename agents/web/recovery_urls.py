"""Pages for whoever can't sign in yet: also the platform's host serves them."""

from __future__ import annotations

from django.urls import path

from agents.web.views import invitation, reset

urlpatterns = [
    path("password/forgot/", reset.forgot, name="forgot-password"),
    # The same by the name under which the console's sign-in looks for it.
    path("password/forgot/", reset.forgot, name="admin_password_reset"),
    path("password/forgot/sent/", reset.forgot_sent, name="forgot-password-sent"),
    path("password/reset/<str:uidb64>/<str:token>/", reset.reset, name="reset-password"),
    path("invitation/", invitation.invitation, name="invitation"),
    path("invitation/<str:token>/", invitation.link, name="invitation-link"),
]
