"""Which address leads to which page of audit."""

from django.urls import path

from studio.audit import views

urlpatterns = [
    path("", views.show_audit, name="audit"),
]
