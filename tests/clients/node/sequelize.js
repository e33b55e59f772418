// Sequelize over mysql2: models, associations, transactions, bulk writes. Arguments: host port user password database.
const { DataTypes, Op, Sequelize } = require('sequelize');
const { address, print, main } = require('./common');

main(async () => {
  const sequelize = new Sequelize(address.database, address.user, address.password, {
    host: address.host, port: address.port, dialect: 'mysql', logging: false, pool: { max: 3 },
    define: { timestamps: false },
  });
  await sequelize.authenticate();
  const Customer = sequelize.define('customer', {
    name: { type: DataTypes.STRING(50), unique: true }, since: DataTypes.DATE(3), data: DataTypes.JSON, picture: DataTypes.BLOB,
  });
  const Order = sequelize.define('order', { total: DataTypes.DECIMAL(12, 2), paid: DataTypes.BOOLEAN });
  Customer.hasMany(Order);
  Order.belongsTo(Customer);
  await sequelize.sync();
  // In a transaction, so over one connection: over two of the pool, either order may be the first.
  const made = await sequelize.transaction((transaction) => Customer.create({
    name: 'ä€😀', since: new Date('2024-02-29T12:00:00.123Z'), data: { a: [1, null] }, picture: Buffer.from([0, 255, 39]),
    orders: [{ total: '9.99', paid: true }, { total: '0.01', paid: null }],
  }, { include: [Order], transaction }));
  print('made', made.toJSON());
  await Customer.bulkCreate(Array.from({ length: 100 }, (_, i) => ({ name: `customer ${i}` })));
  print('count', await Customer.count({ where: { name: { [Op.like]: 'customer 1%' } } }));
  print('found', (await Customer.findOne({ where: { name: 'ä€😀' }, include: [Order], order: [[Order, 'id', 'ASC']] })).toJSON());
  await sequelize.transaction(async (transaction) => {
    await Customer.destroy({ where: { id: { [Op.gt]: 50 } }, transaction });
    print('inside', await Customer.count({ transaction }));
    throw new Error('on purpose');
  }).catch((error) => print('rolled back', error.message));
  print('after', await Customer.count());
  await sequelize.transaction({ isolationLevel: 'SERIALIZABLE' }, (transaction) =>
    Order.update({ paid: false }, { where: { total: { [Op.lt]: 1 } }, transaction }));
  print('sum', await Order.sum('total', { where: { paid: false } }));
  await Customer.create({ name: 'ä€😀' }).catch((error) => print('twice', [error.name, error.parent.errno, error.parent.sqlMessage]));
  print('replacements', await sequelize.query('SELECT :a AS a, :b AS b', { replacements: { a: "x'y", b: null }, type: 'SELECT' }));
  print('bind', await sequelize.query('SELECT $1 AS a', { bind: ["x'y"], type: 'SELECT' }));
  print('tables', await sequelize.getQueryInterface().showAllTables());
  print('columns', await sequelize.getQueryInterface().describeTable('customers'));
  await sequelize.drop();
  await sequelize.close();
});
