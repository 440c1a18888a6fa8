"""Which address leads to which page of publish."""

from django.urls import path

from studio.publish import views

urlpatterns = [
    path("", views.show_publish, name="publish"),
    path("books/", views.show_books, name="books"),
    path("books/<int:number>/", views.show_book, name="book"),
]
