<?php
// A writer's connection by PHP's mysqli over mysqlnd: a request a line on stdin, its answer a line on stdout (see ../drivers.py).
error_reporting(0); // a lost connection is told by exceptions; the warnings beside them would go to stdout
ini_set('mysqlnd.net_read_timeout', '30');
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

$connection = null;
$prepared = [];

function native($value) {
  return is_array($value) ? hex2bin($value['hex']) : $value;
}

function text($sql, $args) {
  global $connection;
  foreach ($args as $value) {
    $value = native($value);
    $literal = $value === null ? 'NULL' : (is_int($value) ? (string)$value : "'" . $connection->real_escape_string($value) . "'");
    $at = strpos($sql, '?');
    $parts[] = substr($sql, 0, $at) . $literal;
    $sql = substr($sql, $at + 1);
  }
  return implode('', $parts ?? []) . $sql;
}

function act($request) {
  global $connection, $prepared;
  $args = $request['args'] ?? [];
  switch ($request['act']) {
    case 'connect':
      $prepared = [];
      if ($connection) @$connection->close();
      $connection = mysqli_init();
      $connection->options(MYSQLI_OPT_CONNECT_TIMEOUT, 10);
      $connection->real_connect($request['host'], $request['user'], $request['password'], $request['database'], $request['port']);
      $connection->set_charset('utf8mb4');
      return [0, ''];
    case 'query':
      $connection->query(text($request['sql'], $args));
      return [$connection->insert_id, (string)$connection->info];
    case 'execute':
      $sql = $request['sql'];
      $statement = $prepared[$sql] ?? $connection->prepare($sql);
      $prepared[$sql] = $statement;
      $values = array_map('native', $args);
      $statement->bind_param(implode('', array_map(fn($one) => is_int($one) ? 'i' : 's', $values)), ...$values);
      $statement->execute();
      return [$statement->insert_id, (string)$connection->info];
    case 'close':
      $prepared = [];
      if ($connection) @$connection->close();
      $connection = null;
      return null;
  }
}

while (($line = fgets(STDIN)) !== false) {
  $request = json_decode($line, true);
  try {
    $done = act($request);
    if ($done === null) continue;
    $said = ['insert_id' => $done[0], 'info' => $done[1]];
  } catch (Throwable $error) {
    $said = ['error' => $error->getCode(), 'text' => get_class($error) . ' ' . $error->getMessage()];
  }
  fwrite(STDOUT, json_encode(['id' => $request['id']] + $said, JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
}
