// A writer's connection by Node's mysql2: a request a line on stdin, its answer a line on stdout (see ../drivers.py).
const mysql = require('mysql2');
const readline = require('readline');

let connection = null;

function answer(id, error, result) {
  const said = error ? { error: error.errno > 0 ? error.errno : 0, text: `${error.code} ${error.sqlMessage || error.message}` } :
    { insert_id: Number(result?.insertId ?? 0), info: String(result?.info ?? '') };
  process.stdout.write(JSON.stringify({ id, ...said }) + '\n');
}

// Numbers go as text: a JavaScript number is sent as a DOUBLE, and from then on MySQL takes the parameter for one, so that a later
// text with more digits is rounded.
const native = (value) => value === null ? null : value.hex !== undefined ? Buffer.from(value.hex, 'hex') : String(value);

const acts = {
  connect(request) {
    acts.close();
    const { host, port, user, password, database } = request;
    connection = mysql.createConnection({ host, port, user, password, database, connectTimeout: 10000, charset: 'utf8mb4' });
    connection.on('error', () => {}); // the request that is under way is told
    connection.connect((error) => answer(request.id, error));
  },
  query(request) {
    connection.query({ sql: request.sql, values: request.args?.map(native), timeout: 30000 }, (error, result) => answer(request.id, error, result));
  },
  execute(request) {
    connection.execute({ sql: request.sql, values: request.args.map(native), timeout: 30000 }, (error, result) => answer(request.id, error, result));
  },
  close() {
    connection?.destroy();
    connection = null;
  },
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const request = JSON.parse(line);
  acts[request.act](request);
}).on('close', () => process.exit(0));
