// What the Node programs share: their arguments, and printing that makes two runs comparable.
const crypto = require('crypto');

const [host, port, user, password, database] = process.argv.slice(2);
const compressed = process.env.CLIENT_COMPRESS ? { compress: true } : {};
const encrypted = process.env.CLIENT_TLS ? { ssl: { rejectUnauthorized: false } } : {};
exports.address = { host, port: Number(port), user, password, database, ...compressed, ...encrypted };
exports.file = process.env.CLIENT_FILE;

function short(value) {
  const long = (typeof value === 'string' || Buffer.isBuffer(value)) && value.length > 100;
  if (long) return `<${value.length} ${crypto.createHash('sha1').update(value).digest('hex')}>`;
  if (typeof value === 'bigint') return `${value}n`;
  return Buffer.isBuffer(value) ? `0x${value.toString('hex')}` : value;
}

exports.print = (label, value) => console.log(label, JSON.stringify(value, function shorten(key, one) {
  if (key === 'serverStatus') return one & ~48; // that no (good) index was used: the server chooses by its statistics
  return short(this[key] instanceof Date ? one : Buffer.isBuffer(this[key]) ? this[key] : one);
}));

exports.printError = (label, error) =>
  console.log(label, JSON.stringify([error.code, error.errno, error.sqlState, error.sqlMessage || error.message]));

exports.createTyped = `CREATE TABLE typed (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, f DOUBLE, n DECIMAL(20,5),
  s VARCHAR(50), b LONGBLOB, d DATE, t TIME(3), m DATETIME(3), j JSON, o TINYINT(1))`;
exports.insertTyped = 'INSERT INTO typed (i, f, n, s, b, d, t, m, j, o) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';
exports.typedRow = () => [-123456789012, 1.5e-300, '-12345.67891', "ä€😀'\"\\\n", Buffer.from([0, 255, 39, 26]), '2024-02-29',
  '-100:00:00.005', new Date('1999-12-31T23:59:58.999Z'), JSON.stringify({ a: [1, null] }), true];
exports.createTwo = 'CREATE PROCEDURE two(IN a INT, OUT b INT) BEGIN SELECT a; SELECT a + 1, "next"; SET b = a * 2; END';

exports.main = (run) => run().then(() => console.log('done'), (error) => { console.error(error); process.exit(1); });
