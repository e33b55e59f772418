"""SQLAlchemy: the ORM over its pool, with pre-ping, and connections that are recycled. Arguments: scheme host port user
password database. What it is asked for: see tests/lib/pools.py."""
import sys

import sqlalchemy as sa
from sqlalchemy import orm

scheme, host, port, user, password, database = sys.argv[1:]
URL = sa.engine.URL.create(scheme, user, password, host, int(port), database, {"charset": "utf8mb4"})
Base = orm.declarative_base()


class Order(Base):
    __tablename__ = "orders"
    id = sa.Column(sa.BigInteger, primary_key=True)
    note = sa.Column(sa.String(100))
    items = orm.relationship("Item", order_by="Item.id")


class Item(Base):
    __tablename__ = "items"
    id = sa.Column(sa.BigInteger, primary_key=True)
    order_id = sa.Column(sa.ForeignKey("orders.id"))
    name = sa.Column(sa.String(100))


def new_engine():
    return sa.create_engine(URL, pool_size=2, max_overflow=3, pool_pre_ping=True, pool_recycle=1)


def write(engine, tag, how):
    with orm.Session(engine, expire_on_commit=False) as session:
        order = Order(note=f"{tag} {how}", items=[Item(name=f"{tag} {how} {n}") for n in range(2)])
        session.add(order)
        session.commit()
        print("order", order.id, order.note)
        for item in order.items:
            print("item", item.id, order.id, item.name)


engine = new_engine()
for line in sys.stdin:
    tag = line.strip()
    held = [engine.connect() for _ in range(3)]
    for one in held:
        assert one.execute(sa.text("SELECT 1")).scalar() == 1
    write(engine, tag, "pooled")
    for one in held:
        one.close()
    fresh = new_engine()  # as of a process that has just begun: the dialect asks the server who it is
    write(fresh, tag, "fresh")
    with fresh.begin() as connection:
        told = connection.execute(sa.insert(Order.__table__).values(note=f"{tag} core")).inserted_primary_key[0]
        print("order", told, f"{tag} core")
    fresh.dispose()
    print("done", flush=True)
