"""Django's registration of the store."""

from django.apps import AppConfig


class StoreConfig(AppConfig):
    """The product's only Django application so far."""

    name = "retaguarda.store"
    label = "store"
