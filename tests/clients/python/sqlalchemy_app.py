"""SQLAlchemy's ORM and core. Arguments: host port user password database."""
import datetime
import decimal
import sys

import sqlalchemy as sa
from sqlalchemy import orm

host, port, user, password, database = sys.argv[1:]
Base = orm.declarative_base()


class Customer(Base):
    __tablename__ = "customers"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.Unicode(50), nullable=False, unique=True)
    since = sa.Column(sa.DateTime)
    orders = orm.relationship("Order", back_populates="customer", cascade="all, delete-orphan", order_by="Order.id")


class Order(Base):
    __tablename__ = "orders"
    id = sa.Column(sa.BigInteger, primary_key=True)
    customer_id = sa.Column(sa.ForeignKey("customers.id"), nullable=False)
    total = sa.Column(sa.Numeric(12, 2))
    data = sa.Column(sa.JSON)
    picture = sa.Column(sa.LargeBinary(2 ** 20))
    customer = orm.relationship("Customer", back_populates="orders")


def play(scheme):
    url = sa.engine.URL.create(scheme, user, password, host, int(port), database, {"charset": "utf8mb4"})
    engine = sa.create_engine(url, pool_size=2, pool_pre_ping=True, isolation_level="READ COMMITTED")
    with engine.connect() as connection:
        print(scheme, engine.dialect.server_version_info, engine.dialect.is_mariadb, engine.dialect.default_schema_name)
        print("isolation", connection.get_isolation_level())
    Base.metadata.create_all(engine)
    make = orm.sessionmaker(engine)
    with make() as session:
        session.add_all([Customer(name=f"Kundin ä€😀 {i}", since=datetime.datetime(2024, 2, 29, 12, i),
                                  orders=[Order(total=decimal.Decimal("9.99") * k, data={"k": [k, None, "ü"]},
                                                picture=bytes(1000) if k == 1 else None) for k in range(1, 4)])
                         for i in range(20)])
        session.commit()
        query = session.query(Customer.name, sa.func.sum(Order.total)).join(Order).group_by(Customer.name)
        print(query.order_by(Customer.name).limit(3).all())
        one = session.query(Customer).options(orm.selectinload(Customer.orders)).filter_by(id=7).one()
        print(one.name, one.since, [(order.id, order.total, order.data) for order in one.orders])
        session.delete(one)
        session.flush()
        print("before rollback", session.query(Customer).count())
        session.rollback()
        print("after rollback", session.query(Customer).count(), session.query(Order).count())
        try:
            session.add(Customer(name="Kundin ä€😀 1"))
            session.commit()
        except sa.exc.IntegrityError as error:
            print("twice:", error.orig.args)
            session.rollback()
        with session.begin_nested():
            session.query(Order).filter(Order.total > 25).update({"total": 25}, synchronize_session=False)
        session.commit()
        print(session.execute(sa.text("SELECT MAX(total), COUNT(picture) FROM orders")).one())
    with engine.connect().execution_options(stream_results=True) as connection:
        print("streamed", sum(1 for _ in connection.execute(sa.select(Order.__table__))))
    inspector = sa.inspect(engine)
    print(inspector.get_table_names(), [column["name"] for column in inspector.get_columns("orders")],
          inspector.get_foreign_keys("orders"), inspector.get_indexes("customers"))
    Base.metadata.drop_all(engine)
    engine.dispose()


play("mysql+pymysql")
play("mysql+mysqldb")
print("done")
