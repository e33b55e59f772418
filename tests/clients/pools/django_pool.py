"""Django with persistent connections that are checked before use: parents and children by save(), a form, bulk_create,
transaction.atomic with savepoints. Arguments: host port user password database. See tests/lib/pools.py."""
import sys
import threading

import django
from django.conf import settings

host, port, user, password, database = sys.argv[1:]
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.mysql", "HOST": host, "PORT": port, "USER": user, "PASSWORD": password,
                           "NAME": database, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True, "OPTIONS": {"charset": "utf8mb4"}}},
    INSTALLED_APPS=[], USE_TZ=True, TIME_ZONE="UTC", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", SECRET_KEY="of no use here")
django.setup()

from django import forms  # noqa: E402
from django.core.signals import request_finished, request_started  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402


class Order(models.Model):
    note = models.CharField(max_length=100)

    class Meta:
        app_label, db_table = "shop", "orders"


class Item(models.Model):
    order = models.ForeignKey(Order, models.CASCADE)
    name = models.CharField(max_length=100)

    class Meta:
        app_label, db_table = "shop", "items"


class OrderForm(forms.ModelForm):
    class Meta:
        model, fields = Order, ["note"]


def tell(*made):
    for one in made:
        print("order" if isinstance(one, Order) else "item", one.pk,
              one.note if isinstance(one, Order) else f"{one.order_id} {one.name}")


def handle(tag):
    """One request."""
    request_started.send(None, environ={})
    if hasattr(connection, "close_if_health_check_failed"):  # since Django 4.1
        connection.close_if_health_check_failed()
    assert connection.is_usable() if connection.connection else True
    with transaction.atomic():
        order = Order(note=f"{tag} atomic")
        order.save()
        items = [Item(order=order, name=f"{tag} atomic {n}") for n in range(2)]
        for item in items:
            item.save()
        try:
            with transaction.atomic():
                Item.objects.create(order=order, name="never")
                raise ValueError("rolled back to the savepoint")
        except ValueError:
            pass
    tell(order, *items)
    form = OrderForm({"note": f"{tag} form"})
    assert form.is_valid(), form.errors
    made = form.save()
    child = Item.objects.create(order=made, name=f"{tag} form")
    tell(made, child)
    changed = Order(note="first thought")
    changed.save()
    changed.note = f"{tag} changed"
    changed.save(update_fields=["note"])
    tell(changed)
    several = Order.objects.bulk_create([Order(note=f"{tag} bulk {n}") for n in range(3)])
    if several[0].pk:
        tell(*several)
    else:  # this database does not say their ids
        print("orders", 3, f"{tag} bulk")
    request_finished.send(None)


def on_a_new_thread(tag):
    """A thread has its own connection, which begins now."""
    handle(tag)
    connection.close()


for line in sys.stdin:
    handle(line.strip())
    thread = threading.Thread(target=on_a_new_thread, args=(line.strip() + " thread",))
    thread.start()
    thread.join()
    print("done", flush=True)
