"""Django's settings for the store alone; `connect` fills in the database before anything is imported from the models."""

import os

from retaguarda.store.databases import database

INSTALLED_APPS = ["retaguarda.store"]
DATABASES = {"default": database(os.environ.get("RETAGUARDA_STORE", "sqlite://:memory:"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "America/Sao_Paulo"
LANGUAGE_CODE = "pt-br"
