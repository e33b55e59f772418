// Node's mysql2, with promises. Arguments: host port user password database.
const fs = require('fs');
const mysql = require('mysql2/promise');
const { address, file, print, printError, createTyped, insertTyped, typedRow, createTwo, main } = require('./common');

main(async () => {
  const connection = await mysql.createConnection({ ...address, multipleStatements: true, flags: ['+LOCAL_FILES'] });
  const query = async (statement, values) => {
    try {
      const [rows, fields] = await connection.query(statement, values);
      print(`> ${statement.slice(0, 60)}`, rows);
      if (fields) print('  fields', fields.flat().map((one) => one && [one.name, one.columnType, one.flags, one.columnLength, one.characterSet]));
    } catch (error) {
      printError(`> ${statement.slice(0, 60)}`, error);
    }
  };
  const execute = async (statement, values) => {
    try {
      print(`execute ${statement.slice(0, 60)}`, (await connection.execute(statement, values))[0]);
    } catch (error) {
      printError(`execute ${statement.slice(0, 60)}`, error);
    }
  };
  await query(createTyped);
  await query(insertTyped, typedRow());
  await execute(insertTyped, typedRow());
  await execute(insertTyped, Array(10).fill(null));
  await execute('INSERT INTO typed (b) VALUES (?)', [Buffer.alloc(1 << 20, 'blob')]);
  await query('SELECT * FROM typed');
  await execute('SELECT * FROM typed WHERE id > ?', [0]);
  await query('INSERT INTO typed (i, s) VALUES ?', [Array.from({ length: 300 }, (_, i) => [i, `row ${i}`])]);
  await query('SELECT 1; SELECT "two"; INSERT INTO typed (i) VALUES (7); SELEC');
  await query(createTwo);
  await query('CALL two(5, @out); SELECT @out');
  await execute('CALL two(?, @out)', [6]);
  await connection.beginTransaction();
  await execute('DELETE FROM typed WHERE id > ?', [2]);
  await connection.rollback();
  await query('SELECT COUNT(*) AS n FROM typed');
  await connection.beginTransaction();
  await execute('UPDATE typed SET i = 0 WHERE id < ?', [3]);
  await connection.commit();
  for (const bad of ['INSERT INTO typed (id) VALUES (1)', 'SELEC 1', 'SELECT * FROM nowhere']) {
    await query(bad);
    await execute(bad);
  }
  await query('SELECT 1/0');
  await query('SHOW WARNINGS');
  await query('CREATE TABLE loaded (a INT, b VARCHAR(20))');
  const [loaded] = await connection.query({
    sql: 'LOAD DATA LOCAL INFILE "rows" INTO TABLE loaded FIELDS TERMINATED BY ","',
    infileStreamFactory: () => fs.createReadStream(file),
  });
  print('loaded', loaded);

  const prepared = await connection.prepare('SELECT ? + 1 AS n');
  for (let i = 0; i < 3; i++) print('prepared', (await prepared.execute([i]))[0]);
  await prepared.close();
  let streamed = 0;
  for await (const row of connection.connection.query('SELECT a.id, REPEAT("s", 50) FROM typed a, typed b').stream()) streamed += row.id > 0;
  print('streamed', streamed);
  await connection.ping();
  await connection.changeUser({ user: address.user, password: address.password, database: 'information_schema' });
  await query('SELECT DATABASE() AS d, @out AS o');
  await connection.changeUser({ database: address.database });
  await connection.query('SET time_zone = "+02:00"');
  await query('SELECT @@time_zone AS z, DATABASE() AS d');
  // without waiting in between: they follow each other on the wire
  print('at once', (await Promise.all([1, 2, 3].map((i) => connection.execute('SELECT ? AS n', [i])))).map(([[row]]) => row));
  await connection.end();

  const pool = mysql.createPool({ ...address, connectionLimit: 4 });
  const sums = await Promise.all(Array.from({ length: 40 }, (_, i) => pool.execute('SELECT ? + 1 AS n', [i])));
  print('pool', sums.map(([[row]]) => row.n));
  await pool.end();
  await mysql.createConnection({ ...address, password: 'wrong' }).catch((error) => print('wrong password', [error.code, error.errno]));
  await mysql.createConnection({ ...address, database: 'no_such' }).catch((error) => printError('no such database', error));
});
