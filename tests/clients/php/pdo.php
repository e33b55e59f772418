<?php
// PHP's PDO over mysqlnd, with emulated and with real prepared statements. Arguments: host port user password database.
require __DIR__ . '/common.php';

$encrypted = getenv('CLIENT_TLS') ? [PDO::MYSQL_ATTR_SSL_CIPHER => 'DEFAULT', PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => false] : [];

function connect($emulate) {
  global $host, $port, $user, $password, $database, $encrypted;
  return new PDO("mysql:host=$host;port=$port;dbname=$database;charset=utf8mb4", $user, $password, $encrypted + [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => $emulate, PDO::MYSQL_ATTR_LOCAL_INFILE => true,
    PDO::MYSQL_ATTR_COMPRESS => (bool) getenv('CLIENT_COMPRESS'),
    PDO::MYSQL_ATTR_INIT_COMMAND => "SET time_zone = '+03:00'", PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC]);
}

function execute($connection, $text, $values = []) {
  echo '> ', substr($text, 0, 70), "\n";
  try {
    $statement = $connection->prepare($text);
    $statement->execute($values);
    do {
      if (!$statement->columnCount()) continue;
      $rows = $statement->fetchAll();
      for ($i = 0; $i < $statement->columnCount(); $i++) {
        $meta = $statement->getColumnMeta($i);
        if ($meta) show('  column', $meta);
      }
      foreach ($rows as $row) show('  row', $row);
    } while ($statement->nextRowset());
    show('  count, id', [$statement->rowCount(), $connection->lastInsertId()]);
  } catch (PDOException $error) {
    show('  error', $error->errorInfo);
  }
}

function play($connection) {
  global $typed_row, $file;
  execute($connection, 'DROP TABLE IF EXISTS typed, loaded');
  execute($connection, CREATE_TYPED);
  execute($connection, INSERT_TYPED, $typed_row);
  execute($connection, INSERT_TYPED, array_fill(0, 10, null));
  execute($connection, 'INSERT INTO typed (i, s) VALUES (:i, :s)', ['i' => 5, 's' => 'named']);
  $statement = $connection->prepare('INSERT INTO typed (b) VALUES (?)');
  $statement->bindValue(1, str_repeat('blob', 1 << 18), PDO::PARAM_LOB);
  $statement->execute();
  execute($connection, 'SELECT * FROM typed');
  execute($connection, 'SELECT id, i FROM typed WHERE id > ? ORDER BY id LIMIT 2', [1]);
  $connection->beginTransaction();
  execute($connection, 'DELETE FROM typed');
  $connection->rollBack();
  $connection->beginTransaction();
  execute($connection, 'DELETE FROM typed WHERE id = ?', [2]);
  $connection->commit();
  execute($connection, 'SELECT COUNT(*) FROM typed');
  execute($connection, 'DROP PROCEDURE IF EXISTS two');
  execute($connection, CREATE_TWO);
  execute($connection, 'CALL two(?, @out)', [6]);
  execute($connection, 'SELECT @out');
  foreach (['INSERT INTO typed (id) VALUES (1)', 'SELEC 1', 'SELECT * FROM nowhere', 'SELECT 1/0', 'SHOW WARNINGS'] as $text)
    execute($connection, $text);
  execute($connection, 'CREATE TABLE loaded (a INT, b VARCHAR(20))');
  show('loaded', $connection->exec("LOAD DATA LOCAL INFILE '$file' INTO TABLE loaded FIELDS TERMINATED BY ','"));
  $connection->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, false);
  $statement = $connection->prepare("SELECT a, REPEAT('s', 50) FROM loaded");
  $statement->execute();
  for ($rows = 0; $statement->fetch(); $rows++);
  $statement->closeCursor();
  show('unbuffered', $rows);
  $connection->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, true);
  execute($connection, 'SELECT @@time_zone, DATABASE(), @@character_set_client');
  show('server', [$connection->getAttribute(PDO::ATTR_SERVER_VERSION), str_starts_with($connection->getAttribute(PDO::ATTR_SERVER_INFO), 'Uptime: ')]);
}

play(connect(true));
play(connect(false));
$lasting = new PDO("mysql:host=$host;port=$port;dbname=$database", $user, $password, $encrypted + [PDO::ATTR_PERSISTENT => true]);
show('persistent', $lasting->query('SELECT 1')->fetchColumn());
$lasting = new PDO("mysql:host=$host;port=$port;dbname=$database", $user, $password, $encrypted + [PDO::ATTR_PERSISTENT => true]);
show('persistent again', $lasting->query('SELECT 2')->fetchColumn());
try { new PDO("mysql:host=$host;port=$port", $user, 'wrong', $encrypted); } catch (PDOException $error) { show('wrong password', $error->getCode()); }
echo "done\n";
