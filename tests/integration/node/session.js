// What a Node application does with mysql2: queries, prepared statements, transactions, a pool. Arguments: host port
// user password database. Ends with the line "node is content".
const assert = require('assert');
const mysql = require('mysql2/promise');

async function main() {
  const [host, port, user, password, database] = process.argv.slice(2);
  const options = { host, port: Number(port), user, password, database };
  const connection = await mysql.createConnection(options);
  await connection.query('CREATE TABLE node (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(50), d DATETIME(3), j JSON)');
  const [made] = await connection.execute('INSERT INTO node (s, d, j) VALUES (?, ?, ?)',
    ['ä€😀', new Date('2024-02-29T12:00:00.123Z'), JSON.stringify({ a: [1, null] })]);
  assert.deepStrictEqual([made.insertId, made.affectedRows], [1, 1]);
  for (let i = 0; i < 50; i++) await connection.execute('INSERT INTO node (s) VALUES (?)', [i % 7 ? `s${i}` : null]);
  const [rows] = await connection.execute('SELECT COUNT(*) AS n, SUM(s IS NULL) AS none FROM node WHERE id > ?', [1]);
  assert.deepStrictEqual([rows[0].n, Number(rows[0].none)], [50, 8]);
  const [[text]] = await connection.query('SELECT s FROM node WHERE id = 1');
  assert.strictEqual(text.s, 'ä€😀');
  await assert.rejects(connection.execute('INSERT INTO node (id) VALUES (?)', [1]), { errno: 1062 });

  await connection.beginTransaction();
  await connection.execute('DELETE FROM node WHERE id > ?', [1]);
  await connection.rollback();
  const [[after]] = await connection.query('SELECT COUNT(*) AS n FROM node');
  assert.strictEqual(after.n, 51);
  connection.unprepare('SELECT COUNT(*) AS n, SUM(s IS NULL) AS none FROM node WHERE id > ?');
  await connection.end();

  const pool = mysql.createPool({ ...options, connectionLimit: 5 });
  const sums = await Promise.all(Array.from({ length: 40 }, (_, i) => pool.execute('SELECT ? + 1 AS n', [i])));
  sums.forEach(([[row]], i) => assert.strictEqual(Number(row.n), i + 1));
  await pool.end();
  console.log('node is content');
}

main().catch((error) => { console.error(error); process.exit(1); });
