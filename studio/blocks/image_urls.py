"""Which address leads to which page of images."""

from django.urls import path

from studio.blocks import images

urlpatterns = [
    path("", images.show_images, name="images"),
    path("picker/", images.show_picker, name="image_picker"),
    path("<int:pk>/", images.show_image, name="image"),
    path("<int:pk>/remove/", images.remove, name="image_remove"),
]
