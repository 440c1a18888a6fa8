"""Which address leads to which page of signing in and of one's account."""

from django.urls import path

from studio.account import views

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", views.SignOut.as_view(), name="sign_out"),
    path("account/", views.show_account, name="account"),
]
