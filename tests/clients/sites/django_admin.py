"""Django's admin over a bookshop, as a site. Arguments: host port user password database sessions, then `fill PASSWORD` (makes the
tables and what is in them) or `serve PORT`. `sessions` is Django's SESSION_ENGINE, the last word of it."""
import datetime
import os
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.apps import AppConfig
from django.conf import settings


class Shop(AppConfig):
    name, label, path = __name__, "shop", os.path.dirname(__file__)


host, port, user, password, database, sessions, action, *rest = sys.argv[1:]
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.mysql", "HOST": host, "PORT": port, "USER": user, "PASSWORD": password,
                           "NAME": database, "OPTIONS": {"charset": "utf8mb4"}}},
    INSTALLED_APPS=[f"{__name__}.Shop", "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                    "django.contrib.messages", "django.contrib.staticfiles"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages"]}}],
    LOGGING={"version": 1, "disable_existing_loggers": False, "handlers": {"stderr": {"class": "logging.StreamHandler"}},
             "loggers": {"django.request": {"handlers": ["stderr"], "level": "ERROR"}}},
    SESSION_ENGINE=f"django.contrib.sessions.backends.{sessions}",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # a quick one
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], STATIC_URL="/static/", USE_TZ=True, TIME_ZONE="UTC",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", SECRET_KEY="of no use here" * 4)
django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402


class Author(models.Model):
    name = models.CharField(max_length=60, unique=True)

    def __str__(self):
        return self.name


class Book(models.Model):
    title = models.CharField(max_length=60)
    author = models.ForeignKey(Author, models.CASCADE)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    published = models.DateField()

    def __str__(self):
        return self.title


class BookAdmin(admin.ModelAdmin):
    list_display = ["title", "author", "price", "published"]
    list_filter = ["author"]
    list_select_related = ["author"]
    list_per_page = 20
    search_fields = ["title", "author__name"]
    date_hierarchy = "published"


admin.site.register(Book, BookAdmin)
admin.site.register(Author)
urlpatterns = [path("admin/", admin.site.urls)]


def fill():
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Author)
        editor.create_model(Book)
    User.objects.create_superuser("keeper", "keeper@example.org", rest[0])
    Group.objects.create(name="readers")
    authors = [Author.objects.create(name=f"Author {n}") for n in range(4)]
    Book.objects.bulk_create(Book(title=f"Bock {n} ä€😀", author=authors[n % 4], price=n, published=datetime.date(2020 + n % 3, 1 + n % 12, 7))
                             for n in range(50))


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


if action == "fill":
    fill()
    print("done")
else:
    with make_server("127.0.0.1", int(rest[0]), get_wsgi_application(), Server, Quiet) as server:
        server.serve_forever()
