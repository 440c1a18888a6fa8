"""Which address leads to which page of publish."""

from django.urls import path

from studio.publish import books, reviews, scheduled, views

urlpatterns = [
    path("", views.show_publish, name="publish"),
    path("now/", views.publish_now, name="publish_now"),
    path("checks/", views.show_checks, name="publish_checks"),
    path("progress/", views.show_progress, name="publish_progress"),
    path("waiting/", views.show_waiting, name="publish_waiting"),
    path("effect/<slug:slug>/", views.show_effect, name="publish_effect"),
    path("builds/<int:number>/again/", books.build_once_more, name="build_again"),
    path("reviews/", reviews.show_reviews, name="reviews"),
    path("reviews/ask/", views.ask_review, name="review_ask"),
    path("reviews/<int:number>/", reviews.show_review, name="review"),
    path("reviews/<int:number>/approve/", reviews.approve, name="review_approve"),
    path("reviews/<int:number>/decline/", reviews.decline, name="review_decline"),
    path("reviews/<int:number>/withdraw/", reviews.withdraw, name="review_withdraw"),
    path("scheduled/", scheduled.show_scheduled, name="scheduled"),
    path("scheduled/new/", scheduled.schedule, name="schedule"),
    path("scheduled/<int:number>/", scheduled.show_publication, name="publication"),
    path("scheduled/<int:number>/cancel/", scheduled.cancel, name="publication_cancel"),
    path("books/", books.show_books, name="books"),
    path("books/<int:number>/", books.show_book, name="book"),
    path("books/<int:number>/roll-back/", books.show_roll_back, name="roll_back"),
]
