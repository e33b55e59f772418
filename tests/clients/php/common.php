<?php
// What the PHP programs share: their arguments, and printing that makes two runs comparable.
error_reporting(E_ALL);
[, $host, $port, $user, $password, $database] = $argv;
$file = getenv('CLIENT_FILE');

function short($value) {
  if (is_string($value) && strlen($value) > 100) return '<' . strlen($value) . ' ' . sha1($value) . '>';
  if (is_string($value) && !preg_match('//u', $value)) return '0x' . bin2hex($value);
  return $value;
}

function show($label, $value) {
  if (is_array($value)) array_walk_recursive($value, function (&$one) { $one = short($one); });
  echo $label, ' ', json_encode(short($value), JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION), "\n";
}

const CREATE_TYPED = 'CREATE TABLE typed (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, u BIGINT UNSIGNED, f DOUBLE, n DECIMAL(20,5),
  s VARCHAR(50), b LONGBLOB, d DATE, t TIME(6), m DATETIME(6), j JSON)';
const INSERT_TYPED = 'INSERT INTO typed (i, u, f, n, s, b, d, t, m, j) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';
const CREATE_TWO = 'CREATE PROCEDURE two(IN a INT, OUT b INT) BEGIN SELECT a; SELECT a + 1, "next"; SET b = a * 2; END';
$typed_row = [PHP_INT_MIN, '18446744073709551615', 1.5e-300, '-12345.67891', "ä€😀'\"\\\n", "\x00\xff'\x1a", '2024-02-29',
  '-100:00:00.000005', '1999-12-31 23:59:58.999999', '{"a": [1, null]}'];
