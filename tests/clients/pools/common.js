// What Node's pools share: their arguments, and the loop over what is asked for.
const readline = require('readline');

const [host, port, user, password, database] = process.argv.slice(2);
exports.address = { host, port: Number(port), user, password, database };

exports.serve = async (handle, end) => {
  try {
    for await (const line of readline.createInterface({ input: process.stdin })) {
      await handle(line.trim());
      console.log('done');
    }
    await end();
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
};
