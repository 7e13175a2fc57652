"""A web app that signs people in with Gatehouse, by django-allauth's provider for
GitLab with a changed address, and greets them. Everything of a Django project is
in this one file: python app.py migrate && python app.py runserver 127.0.0.1:9003

Environment: GATEHOUSE_URL, CLIENT_ID, CLIENT_SECRET, DJANGO_SECRET_KEY.
"""

import os
import sys
from importlib.util import find_spec

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import include, path
from django.utils.html import format_html

settings.configure(
    SECRET_KEY=os.environ["DJANGO_SECRET_KEY"],
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DATABASE", "example.db")}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "django.contrib.sites",
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.gitlab",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    # django-allauth from 0.56 on
    + ["allauth.account.middleware.AccountMiddleware"] * bool(find_spec("allauth.account.middleware")),
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    SITE_ID=1,
    LOGIN_REDIRECT_URL="/",
    ACCOUNT_LOGOUT_REDIRECT_URL="/",
    ACCOUNT_EMAIL_VERIFICATION="none",  # Gatehouse vouches for the address
    SOCIALACCOUNT_PROVIDERS={
        "gitlab": {
            "GITLAB_URL": os.environ["GATEHOUSE_URL"],  # the changed address
            "OAUTH_PKCE_ENABLED": True,
            "APP": {"client_id": os.environ["CLIENT_ID"], "secret": os.environ["CLIENT_SECRET"], "key": ""},
        }
    },
)
django.setup()


def home(request):
    """The only page of the app."""
    user = request.user
    if not user.is_authenticated:
        return HttpResponse('<!doctype html><h1>Django example</h1><p><a href="/accounts/gitlab/login/">Sign in</a></p>')
    account = user.socialaccount_set.get(provider="gitlab")
    return HttpResponse(
        format_html(
            '<!doctype html><h1>Hello, {}</h1><p id="sub">{}</p><p id="email">{}</p><p><a href="/accounts/logout/">Sign out</a></p>',
            account.extra_data["name"],
            account.uid,
            user.email,
        )
    )


urlpatterns = [path("", home), path("accounts/", include("allauth.urls"))]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
