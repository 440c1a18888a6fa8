"""Which address leads to which page of signing in and of one's account."""

from django.urls import path

from studio.account import own, sign_in

urlpatterns = [
    path("sign-in/", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-in/code/", sign_in.show_code, name="sign_in_code"),
    path("sign-out/", sign_in.sign_out, name="sign_out"),
    path("welcome/<slug:uid>/<slug:token>/", sign_in.show_welcome, name="welcome"),
    path("account/", own.show_account, name="account"),
    path("account/password/", own.show_password, name="password"),
    path("account/codes/", own.show_second_step, name="second_step"),
    path("account/codes/off/", own.show_drop_second_step, name="second_step_off"),
    path("account/sessions/end/", own.end_session, name="end_session"),
    path("account/language/", own.choose_language, name="language"),
]
