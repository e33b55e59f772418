<?php
// PHP's persistent connections: mysqli (p:) and PDO with prepares of the server's own (no emulation). Arguments: driver host
// port user password database. See tests/lib/pools.py.
error_reporting(E_ALL);
[, $driver, $host, $port, $user, $password, $database] = $argv;
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

class Mysqli_pool {
  public $link;
  function __construct() {
    global $host, $port, $user, $password, $database;
    $this->link = new mysqli("p:$host", $user, $password, $database, (int) $port);
    $this->link->set_charset('utf8mb4');
    if (!$this->link->ping()) throw new Exception('no answer to the ping');
  }
  function begin() { $this->link->begin_transaction(); }
  function commit() { $this->link->commit(); }
  function insert($text, ...$values) {
    $statement = $this->link->prepare($text);
    $statement->execute($values);
    return $statement->insert_id;
  }
  function check() {
    $statement = $this->link->prepare('SELECT 1, DATABASE(), @@autocommit');
    $statement->execute();
    return $statement->get_result()->fetch_row();
  }
  function close() { $this->link->close(); }
}

class Pdo_pool {
  public $link;
  function __construct() {
    global $host, $port, $user, $password, $database;
    $this->link = new PDO("mysql:host=$host;port=$port;dbname=$database;charset=utf8mb4", $user, $password, [
      PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_PERSISTENT => true, PDO::ATTR_EMULATE_PREPARES => false,
      PDO::MYSQL_ATTR_INIT_COMMAND => "SET time_zone = '+00:00'"]);
  }
  function begin() { $this->link->beginTransaction(); }
  function commit() { $this->link->commit(); }
  function insert($text, ...$values) {
    $this->link->prepare($text)->execute($values);
    return (int) $this->link->lastInsertId();
  }
  function check() {
    $statement = $this->link->prepare('SELECT 1, DATABASE(), @@autocommit');
    $statement->execute();
    return $statement->fetch(PDO::FETCH_NUM);
  }
  function close() { $this->link = null; }
}

// One request: PHP gives the connection back when it ends, and pings it when the next one asks for it.
function request($tag) {
  global $driver, $database;
  $pool = $driver === 'pdo' ? new Pdo_pool() : new Mysqli_pool();
  if ($pool->check() !== [1, $database, 1]) throw new Exception(json_encode($pool->check()));
  $pool->begin();
  $order = $pool->insert('INSERT INTO orders (note) VALUES (?)', "$tag transaction");
  echo "order $order $tag transaction\n";
  foreach ([0, 1] as $n) echo 'item ', $pool->insert('INSERT INTO items (order_id, name) VALUES (?, ?)', $order, "$tag $n"), " $order $tag $n\n";
  $pool->commit();
  echo 'order ', $pool->insert('INSERT INTO orders (note) VALUES (?)', "$tag alone"), " $tag alone\n";
  $second = $driver === 'pdo' ? new Pdo_pool() : new Mysqli_pool(); // the first one is in use: another is opened
  echo 'order ', $second->insert('INSERT INTO orders (note) VALUES (?)', "$tag second"), " $tag second\n";
  $second->close();
  $pool->close();
}

while (($line = fgets(STDIN)) !== false) {
  request(trim($line));
  echo "done\n";
}
