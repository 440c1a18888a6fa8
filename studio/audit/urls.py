"""Which address leads to which page of the audit trail."""

from django.urls import path

from studio.audit import views

urlpatterns = [
    path("", views.show_audit, name="audit"),
    path("<int:pk>/", views.show_entry, name="audit_entry"),
]
