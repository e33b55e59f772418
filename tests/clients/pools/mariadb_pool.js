// Node's mariadb: its pool, which pings a connection before it hands it out. Arguments: host port user password database.
// See tests/lib/pools.py.
const mariadb = require('mariadb');
const { serve, address } = require('./common');

const open = () => mariadb.createPool({ ...address, connectionLimit: 3, minDelayValidation: 0, idleTimeout: 1,
  allowPublicKeyRetrieval: true, insertIdAsNumber: true });

async function write(pool, tag, how) {
  const connection = await pool.getConnection();
  await connection.beginTransaction();
  const order = (await connection[how]('INSERT INTO orders (note) VALUES (?)', [`${tag} ${how}`])).insertId;
  console.log('order', order, `${tag} ${how}`);
  for (const n of [0, 1]) {
    const made = await connection[how]('INSERT INTO items (order_id, name) VALUES (?, ?)', [order, `${tag} ${how} ${n}`]);
    console.log('item', made.insertId, order, `${tag} ${how} ${n}`);
  }
  await connection.commit();
  await connection.release();
}

const pool = open();
serve(async (tag) => {
  await Promise.all([write(pool, tag, 'query'), write(pool, tag, 'execute')]);
  const made = await pool.query('INSERT INTO orders (note) VALUES (?)', [`${tag} alone`]);
  console.log('order', made.insertId, `${tag} alone`);
  const fresh = open();
  await write(fresh, `${tag} fresh`, 'execute');
  await fresh.end();
}, () => pool.end());
