// MariaDB's connector for Node, which pipelines commands and sends bulk executions. Arguments: host port user password
// database.
const fs = require('fs');
const mariadb = require('mariadb');
const { address, file, print, printError, createTyped, insertTyped, typedRow, createTwo, main } = require('./common');

main(async () => {
  const options = { ...address, allowPublicKeyRetrieval: true, multipleStatements: true, permitLocalInfile: true };
  const connection = await mariadb.createConnection(options);
  print('server', [connection.serverVersion(), connection.info.hasMinVersion(10, 2), connection.info.isMariaDB()]);
  const ask = async (how, statement, values) => {
    try {
      const answer = await connection[how](statement, values);
      print(`${how} ${statement.slice(0, 60)}`, answer);
      if (answer.meta) print('  columns', answer.meta.map((one) => [one.name(), one.type, one.flags, one.columnLength, one.collation.index]));
    } catch (error) {
      printError(`${how} ${statement.slice(0, 60)}`, error);
    }
  };
  await ask('query', createTyped);
  await ask('query', insertTyped, typedRow());
  await ask('execute', insertTyped, typedRow());
  await ask('execute', insertTyped, Array(10).fill(null));
  await ask('query', 'INSERT INTO typed (b) VALUES (?)', [Buffer.alloc(1 << 20, 'blob')]);
  await ask('query', 'SELECT * FROM typed');
  await ask('execute', 'SELECT * FROM typed WHERE id > ?', [0]);
  await ask('batch', 'INSERT INTO typed (i, s) VALUES (?, ?)', Array.from({ length: 300 }, (_, i) => [i, i % 7 ? `row ${i}` : null]));
  await ask('batch', 'INSERT INTO typed (id, s) VALUES (?, ?)', [[1000, 'fits'], [1, 'twice']]);
  await ask('query', 'SELECT COUNT(*), COUNT(s), SUM(i) FROM typed');
  await ask('query', 'SELECT 1; SELECT "two"; INSERT INTO typed (i) VALUES (7)');
  await ask('query', 'SELECT 1; SELEC');
  await ask('query', createTwo);
  await ask('query', 'CALL two(5, @out)');
  await ask('execute', 'CALL two(?, ?)', [6, null]);
  await connection.beginTransaction();
  await ask('execute', 'DELETE FROM typed WHERE id > ?', [2]);
  await connection.rollback();
  await ask('query', 'SELECT COUNT(*) AS n FROM typed');
  for (const bad of ['INSERT INTO typed (id) VALUES (1)', 'SELEC 1', 'SELECT * FROM nowhere']) {
    await ask('query', bad);
    await ask('execute', bad);
  }
  await ask('query', 'SELECT 1/0');
  await ask('query', 'SHOW WARNINGS');
  await ask('query', 'CREATE TABLE loaded (a INT, b VARCHAR(20))');
  await ask('query', `LOAD DATA LOCAL INFILE '${file}' INTO TABLE loaded FIELDS TERMINATED BY ','`);

  const prepared = await connection.prepare('SELECT ? + 1 AS n');
  for (let i = 0; i < 3; i++) print('prepared', await prepared.execute([i]));
  prepared.close();
  let streamed = 0;
  for await (const row of connection.queryStream('SELECT a.id, REPEAT("s", 50) FROM typed a, typed b')) streamed += row.id > 0;
  print('streamed', streamed);
  // pipelined: all are sent before the first is answered
  print('at once', await Promise.all([1, 2, 3, 4].map((i) => connection.query(`SELECT ${i} AS n`))));
  const mixed = await Promise.allSettled(['SELECT 1 AS n', 'SELEC', 'SELECT 3 AS n'].map((one) => connection.query(one)));
  print('one fails', mixed.map((one) => one.value || one.reason.errno));
  await connection.ping();
  await connection.query("SET time_zone = '+02:00', @mine = 1");
  await connection.reset();
  await ask('query', 'SELECT @@time_zone, @mine, DATABASE()');
  if (connection.info.isMariaDB()) // elsewhere the connector refuses
    await connection.changeUser({ user: address.user, password: address.password, database: 'information_schema' });
  await ask('query', 'SELECT DATABASE()');
  await connection.end();

  const pool = mariadb.createPool({ ...options, connectionLimit: 3 });
  print('pool', (await Promise.all(Array.from({ length: 20 }, (_, i) => pool.query('SELECT ? + 1 AS n', [i])))).map(([row]) => row.n));
  await pool.end();
  await mariadb.createConnection({ ...options, password: 'wrong' }).catch((error) => print('wrong password', error.errno));
  await mariadb.createConnection({ ...options, database: 'no_such' }).catch((error) => print('no such database', [error.errno, error.sqlMessage]));
  fs.accessSync(file);
});
