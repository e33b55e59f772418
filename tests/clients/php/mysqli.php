<?php
// PHP's mysqli over mysqlnd. Arguments: host port user password database.
require __DIR__ . '/common.php';
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

function connect($host, $password, $database) {
  global $user, $port;
  $connection = mysqli_init();
  $connection->options(MYSQLI_OPT_LOCAL_INFILE, true);
  $connection->options(MYSQLI_OPT_INT_AND_FLOAT_NATIVE, true);
  $flags = (getenv('CLIENT_COMPRESS') ? MYSQLI_CLIENT_COMPRESS : 0) |
    (getenv('CLIENT_TLS') ? MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT : 0);
  $connection->real_connect($host, $user, $password, $database, $port, null, $flags);
  return $connection;
}

$connection = connect($host, $password, $database);
$connection->set_charset('utf8mb4');

function query($text) {
  global $connection;
  echo '> ', substr($text, 0, 70), "\n";
  try {
    $connection->multi_query($text);
    do {
      $result = $connection->store_result();
      if ($result) {
        foreach ($result->fetch_fields() as $field)
          show('  column', [$field->name, $field->orgtable, $field->type, $field->flags, $field->length, $field->charsetnr, $field->decimals]);
        foreach ($result as $row) show('  row', $row);
      }
      show('  affected, id, warnings, info', [$connection->affected_rows, $connection->insert_id, $connection->warning_count, $connection->info]);
    } while ($connection->more_results() && $connection->next_result());
    if ($connection->warning_count)
      for ($warning = $connection->get_warnings(); $warning; $warning = $warning->next() ? $warning : null)
        show('  warning', [$warning->errno, $warning->sqlstate, $warning->message]);
  } catch (mysqli_sql_exception $error) {
    show('  error', [$error->getCode(), $error->getSqlState(), $error->getMessage()]);
  }
}

function execute($text, $types = '', $values = []) {
  global $connection;
  echo 'execute ', substr($text, 0, 70), "\n";
  try {
    $statement = $connection->prepare($text);
    if ($types) $statement->bind_param($types, ...$values);
    $statement->execute();
    do {
      $result = $statement->get_result();
      if ($result) foreach ($result as $row) show('  row', $row);
    } while ($statement->more_results() && $statement->next_result());
    show('  affected, id', [$statement->affected_rows, $statement->insert_id]);
    $statement->close();
  } catch (mysqli_sql_exception $error) {
    show('  error', [$error->getCode(), $error->getSqlState(), $error->getMessage()]);
  }
}

query(CREATE_TYPED);
execute(INSERT_TYPED, 'isdsssssss', $typed_row);
execute(INSERT_TYPED, 'isdsssssss', array_fill(0, 10, null));
$statement = $connection->prepare('INSERT INTO typed (b) VALUES (?)');
$none = null;
$statement->bind_param('b', $none);
for ($i = 0; $i < 16; $i++) $statement->send_long_data(0, str_repeat(chr(65 + $i), 1 << 16));
$statement->execute();
show('long data', $statement->insert_id);
query('SELECT * FROM typed');
execute('SELECT * FROM typed WHERE id > ?', 'i', [0]);
query('SELECT 1; SELECT "two"; INSERT INTO typed (i) VALUES (7); UPDATE typed SET i = 1 WHERE id < 3; SELEC');
query(CREATE_TWO);
query('CALL two(5, @out)');
query('SELECT @out');
execute('CALL two(?, @out)', 'i', [6]);

$connection->begin_transaction(MYSQLI_TRANS_START_READ_WRITE);
query('DELETE FROM typed');
$connection->rollback();
query('SELECT COUNT(*) FROM typed');
$connection->autocommit(false);
query('DELETE FROM typed WHERE id = 2');
$connection->savepoint('here');
query('DELETE FROM typed');
query('ROLLBACK TO here');
$connection->commit();
$connection->autocommit(true);
query('SELECT COUNT(*) FROM typed');
foreach (['INSERT INTO typed (id) VALUES (1)', 'SELEC 1', 'SELECT * FROM nowhere', 'SELECT 1/0'] as $bad) {
  query($bad);
  execute($bad);
}
query('CREATE TABLE loaded (a INT, b VARCHAR(20))');
$connection->query("LOAD DATA LOCAL INFILE '$file' INTO TABLE loaded FIELDS TERMINATED BY ','");
show('loaded', [$connection->affected_rows, $connection->info]);

$result = $connection->query("SELECT a.a, REPEAT('s', 50) FROM loaded a", MYSQLI_USE_RESULT);
for ($rows = 0; $result->fetch_row(); $rows++);
show('unbuffered', $rows);
$result->free();
$statement = $connection->prepare('SELECT a FROM loaded WHERE a < ? ORDER BY a');
$statement->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
$most = 500;
$statement->bind_param('i', $most);
$statement->execute();
$statement->bind_result($a);
for ($rows = 0; $statement->fetch(); $rows++);
show('cursor', [$rows, $a]);
$statement->close();

$first = connect($host, $password, $database);
$first->query('SELECT SLEEP(0.1), 1', MYSQLI_ASYNC);
$read = $error = $reject = [$first];
while (!mysqli_poll($read, $error, $reject, 5)) $read = $error = $reject = [$first];
show('asynchronous', $first->reap_async_query()->fetch_row());
$first->close();

show('statistics', str_starts_with($connection->stat(), 'Uptime: '));
show('server', [$connection->server_info, $connection->server_version, $connection->protocol_version]);
query('SET @mine = 1, time_zone = "+02:00"');
$connection->change_user($user, $password, 'information_schema');
query('SELECT @mine, @@time_zone, DATABASE()');
$connection->select_db($database);
query('SELECT DATABASE()');
try { $connection->query("KILL 4000000000"); } catch (mysqli_sql_exception $error) { show("kill", [$error->getCode(), $error->getMessage()]); }
$other = connect($host, $password, $database);
try { show('killed', $connection->kill($other->thread_id)); } catch (mysqli_sql_exception $error) { show('killed', [$error->getCode(), $error->getMessage()]); }
try { show('still there', $other->query('SELECT 1')->fetch_row()); } catch (mysqli_sql_exception $error) { show('gone', $error->getCode()); }

$lasting = connect("p:$host", $password, $database);
$lasting->query('SET @mine = 1, time_zone = "+03:00"');
$id = $lasting->thread_id;
$lasting->close();
$lasting = connect("p:$host", $password, $database); // the same connection, its user changed
show('persistent', [$lasting->thread_id === $id, $lasting->query('SELECT @mine, @@time_zone, DATABASE()')->fetch_row()]);
$lasting->close();
try { connect($host, 'wrong', $database); } catch (mysqli_sql_exception $error) { show('wrong password', $error->getCode()); }
try { connect($host, $password, 'no_such'); } catch (mysqli_sql_exception $error) { show('no such database', [$error->getCode(), $error->getMessage()]); }
$connection->close();
echo "done\n";
