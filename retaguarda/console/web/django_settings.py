"""Django's settings for the console: the store's, and what serving pages needs. `server.configured` fills in what an installation says."""

import hashlib
from pathlib import Path

from retaguarda.store.django_settings import *  # noqa: F403  # everything of the store holds here too

WEB = Path(__file__).parent
STATIC_ROOT = WEB / "static"


def _digest() -> str:
    """What changes with any asset: its address may then be kept for ever."""
    found = hashlib.sha256()
    for path in sorted(STATIC_ROOT.rglob("*")):
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


DEBUG = False
SECRET_KEY = ""  # the vault's `console/server`; never empty once the server runs
ALLOWED_HOSTS: list[str] = []
ROOT_URLCONF = "retaguarda.console.web.urls"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "retaguarda.console.web.middleware.Identity",
    "django.middleware.csrf.CsrfViewMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [WEB / "templates"],
        "OPTIONS": {
            "context_processors": ["retaguarda.console.web.middleware.frame", "django.template.context_processors.csrf"],
            "libraries": {"console": "retaguarda.console.web.tags"},
            "builtins": ["django.templatetags.static", "retaguarda.console.web.tags"],
        },
    }
]
USE_I18N = False  # texts are our own catalogue's
STATIC_URL = f"/static/{_digest()}/"
WHITENOISE_IMMUTABLE_FILE_TEST = r"."  # the address holds the digest
APPEND_SLASH = False
SESSION_ENGINE = "retaguarda.console.web.sessions"
SESSION_COOKIE_NAME = "retaguarda_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"  # Strict would meet whoever follows a link in an e-mail as a stranger
CSRF_COOKIE_NAME = "retaguarda_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_FAILURE_VIEW = "retaguarda.console.web.views.errors.csrf"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
LOGGING_CONFIG = None  # the server's own
