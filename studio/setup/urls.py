"""Which address leads to which page of setup."""

from django.urls import path

from studio.setup import clients, health, organisation_views, secret_keys, sources, views

urlpatterns = [
    path("", views.show_set_up, name="set_up"),
    path("organisation/", organisation_views.show_organisation, name="organisation"),
    path("sources/", sources.show_sources, name="sources"),
    path("sources/new/", sources.show_new_source, name="source_new"),
    path("sources/<slug:slug>/", sources.show_source, name="source"),
    path("sources/<slug:slug>/arriving/", sources.show_arriving, name="source_arriving"),
    path("sources/<slug:slug>/rotate/", sources.rotate, name="source_rotate"),
    path("sources/<slug:slug>/switch/", sources.switch, name="source_switch"),
    path("sources/<slug:slug>/remove/", sources.remove, name="source_remove"),
    path("sources/<slug:slug>/keys/new/", secret_keys.show_new_key, name="secret_key_new"),
    path("sources/<slug:slug>/keys/<int:pk>/revoke/", secret_keys.revoke, name="secret_key_revoke"),
    path("keys/", secret_keys.show_keys, name="secret_keys"),
    path("clients/", clients.show_clients, name="oauth_clients"),
    path("clients/new/", clients.show_new_client, name="oauth_client_new"),
    path("clients/<int:pk>/", clients.show_client, name="oauth_client"),
    path("clients/<int:pk>/remove/", clients.remove, name="oauth_client_remove"),
    path("health/", health.show_health, name="health"),
    path("health/summary/", health.show_summary, name="health_summary"),
]
