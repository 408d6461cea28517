from django.urls import path

from benchmarks.relay.views import alive, relay

urlpatterns = [path("", alive), path("relay", relay)]
