// Node's mysql2: its pool, text and prepared statements. Arguments: host port user password database. See tests/lib/pools.py.
const mysql = require('mysql2/promise');
const { serve, address } = require('./common');

const open = () => mysql.createPool({ ...address, connectionLimit: 4, maxIdle: 2, idleTimeout: 1000 });

async function insert(connection, how, table, columns, values) {
  const text = `INSERT INTO ${table} (${columns}) VALUES (${values.map(() => '?').join(', ')})`;
  return (await connection[how](text, values))[0].insertId;
}

async function write(pool, tag, how) {
  const connection = await pool.getConnection();
  await connection.ping();
  const [[one]] = await connection[how]('SELECT 1 AS one, DATABASE() AS base, @@autocommit AS auto');
  if (one.one !== 1 || one.base !== address.database || one.auto !== 1) throw new Error(JSON.stringify(one));
  await connection.beginTransaction();
  const order = await insert(connection, how, 'orders', 'note', [`${tag} ${how}`]);
  console.log('order', order, `${tag} ${how}`);
  for (const n of [0, 1]) console.log('item', await insert(connection, how, 'items', 'order_id, name', [order, `${tag} ${how} ${n}`]), order, `${tag} ${how} ${n}`);
  await connection.commit();
  connection.release();
}

const pool = open();
serve(async (tag) => {
  await Promise.all([write(pool, tag, 'query'), write(pool, tag, 'execute'), write(pool, `${tag} more`, 'execute')]);
  const [result] = await pool.execute('INSERT INTO orders (note) VALUES (?)', [`${tag} alone`]);
  console.log('order', result.insertId, `${tag} alone`);
  const fresh = open();
  await write(fresh, `${tag} fresh`, 'query');
  await fresh.end();
}, () => pool.end());
