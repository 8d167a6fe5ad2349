"""Django's settings for the store alone; `retaguarda.store.connection` says which database it is."""

from retaguarda.store.databases import database

INSTALLED_APPS = ["retaguarda.store"]
DATABASES = {"default": database("sqlite://:memory:")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "America/Sao_Paulo"
LANGUAGE_CODE = "pt-br"
