"""Django's ORM, with migrations' schema editor. Arguments: host port user password database."""
import datetime
import decimal
import sys

import django
from django.conf import settings

host, port, user, password, database = sys.argv[1:]
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.mysql", "HOST": host, "PORT": port, "USER": user,
                           "PASSWORD": password, "NAME": database, "OPTIONS": {"charset": "utf8mb4"}}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"], USE_TZ=True, TIME_ZONE="UTC",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", SECRET_KEY="of no use here")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, connection, models, transaction  # noqa: E402


class Article(models.Model):
    title = models.CharField(max_length=60, unique=True)
    text = models.TextField(null=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    written = models.DateTimeField()
    data = models.JSONField(default=dict)
    picture = models.BinaryField(null=True)
    author = models.ForeignKey(User, models.CASCADE, related_name="articles")

    class Meta:
        app_label = "shop"


call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(Article)
print(connection.mysql_version, connection.mysql_is_mariadb)

author = User.objects.create(username="jörg", email="j@example.org")
moment = datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=datetime.timezone.utc)
with transaction.atomic():
    made = Article.objects.create(title="ä€😀", text=None, price=decimal.Decimal("9.99"), written=moment, author=author,
                                  data={"tags": ["a", None]}, picture=bytes(range(256)))
    Article.objects.bulk_create([Article(title=f"title {i}", text="x" * i, price=i, written=moment, author=author)
                                 for i in range(300)], batch_size=100)
print(made.pk, Article.objects.count())
got = Article.objects.select_related("author").get(title="ä€😀")
print(got.price, got.written, got.data, bytes(got.picture) == bytes(range(256)), got.author.username)
print(Article.objects.filter(data__tags__0="a").count(), Article.objects.filter(text__contains="xxxx").count())
try:
    with transaction.atomic():
        Article.objects.filter(price__gt=100).delete()
        print("inside", Article.objects.count())
        Article.objects.create(title="ä€😀", price=1, written=moment, author=author)
except IntegrityError as error:
    print("twice:", error.args)
print("after rollback", Article.objects.count())
with transaction.atomic():
    first = Article.objects.select_for_update().get(pk=made.pk)
    first.price = 5
    first.save()
    point = transaction.savepoint()
    Article.objects.all().update(text="gone")
    transaction.savepoint_rollback(point)
print(Article.objects.filter(text="gone").count(), Article.objects.get(pk=made.pk).price)
print(sum(1 for _ in Article.objects.order_by("pk").iterator(chunk_size=50)))
print(list(Article.objects.dates("written", "month")), Article.objects.aggregate(models.Sum("price"), models.Avg("price")))
print(connection.introspection.table_names())
with connection.cursor() as cursor:
    cursor.execute("SELECT %s, %s, @@sql_mode", ["a'b", None])
    print(cursor.fetchall())
with connection.schema_editor() as editor:
    editor.delete_model(Article)
print("done")
