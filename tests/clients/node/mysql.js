// Node's mysql: the text protocol, callbacks, and no capabilities beyond the oldest. Arguments: host port user password
// database.
const util = require('util');
const mysql = require('mysql');
const { address, print, printError, createTyped, insertTyped, typedRow, createTwo, main } = require('./common');

main(async () => {
  const connection = mysql.createConnection({ ...address, multipleStatements: true, charset: 'utf8mb4' });
  const call = (name, ...values) => util.promisify(connection[name]).call(connection, ...values);
  const query = async (statement, values) => {
    try {
      print(`> ${statement.slice(0, 60)}`, await call('query', statement, values));
    } catch (error) {
      printError(`> ${statement.slice(0, 60)}`, error);
    }
  };
  await call('connect');
  await query(createTyped);
  await query(insertTyped, typedRow());
  await query(insertTyped, Array(10).fill(null));
  await query('INSERT INTO typed (b) VALUES (?)', [Buffer.alloc(1 << 20, 'blob')]);
  await query('SELECT * FROM typed');
  await query('INSERT INTO typed (i, s) VALUES ?', [Array.from({ length: 300 }, (_, i) => [i, `row ${i}`])]);
  await query('UPDATE typed SET i = 1 WHERE id < 4');
  await query('UPDATE typed SET i = 1 WHERE id < 4');
  await query('SELECT 1; SELECT "two"; INSERT INTO typed (i) VALUES (7)');
  await query('SELECT 1; SELEC');
  await query(createTwo);
  await query('CALL two(5, @out)');
  await query('SELECT @out');
  await call('beginTransaction');
  await query('DELETE FROM typed');
  await call('rollback');
  await query('SELECT COUNT(*) AS n FROM typed');
  await call('beginTransaction');
  await query('DELETE FROM typed WHERE id = 2');
  await call('commit');
  for (const bad of ['INSERT INTO typed (id) VALUES (1)', 'SELEC 1', 'SELECT * FROM nowhere', 'SELECT 1/0', 'SHOW WARNINGS'])
    await query(bad);
  let streamed = 0;
  await new Promise((resolve, reject) => connection.query('SELECT a.id, REPEAT("s", 50) FROM typed a, typed b')
    .on('result', (row) => { streamed += row.id > 0; }).on('error', reject).on('end', resolve));
  print('streamed', streamed);
  await call('ping');
  print('statistics', /^Uptime: /.test((await call('statistics')).message));
  await call('changeUser', { ...address, database: 'information_schema' });
  await query('SELECT DATABASE() AS d, @out AS o');
  await call('end');
  const wrong = mysql.createConnection({ ...address, password: 'wrong' });
  await util.promisify(wrong.connect).call(wrong).catch((error) => print('wrong password', [error.code, error.errno]));
});
