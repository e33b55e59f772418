# Perl's DBI with DBD::mysql or DBD::MariaDB. Arguments: driver host port user password database.
use strict;
use warnings;
use utf8;
use DBI qw(:sql_types);
use Digest::SHA qw(sha1_hex);
use Encode qw(encode_utf8);

$| = 1;
binmode STDOUT, ':encoding(UTF-8)';
my ($driver, $host, $port, $user, $password, $database) = @ARGV;
my $prefix = $driver eq 'mysql' ? 'mysql' : 'mariadb';
my %unicode = $driver eq 'mysql' ? (mysql_enable_utf8mb4 => 1) : ();

my $compressed = $ENV{CLIENT_COMPRESS} ? ";${prefix}_compression=1" : '';

sub connect_with {
  my (%options) = @_;
  return DBI->connect("dbi:$driver:database=$database;host=$host;port=$port;${prefix}_local_infile=1;${prefix}_multi_statements=1$compressed",
    $user, $password, { RaiseError => 0, PrintError => 0, AutoCommit => 1, %unicode, %options }) || die $DBI::errstr;
}

sub short {
  my ($value) = @_;
  return 'NULL' unless defined $value;
  return '<' . length($value) . ' ' . sha1_hex(utf8::is_utf8($value) ? encode_utf8($value) : $value) . '>' if length $value > 100;
  return $value =~ /[^\x20-\x7e]/ && !utf8::is_utf8($value) ? '0x' . unpack('H*', $value) : $value;
}

sub run {
  my ($handle, $text, @values) = @_;
  print '> ', substr($text, 0, 70), "\n";
  my $statement = $handle->prepare($text);
  if (!$statement || !defined $statement->execute(@values)) {
    my $from = $statement || $handle;
    print '  error ', $from->err, ' ', $from->state, ' ', $from->errstr, "\n";
    return;
  }
  do {
    if ($statement->{NUM_OF_FIELDS}) {
      print '  columns ', join(' ', @{ $statement->{NAME} }), ' types ', join(' ', @{ $statement->{"${prefix}_type"} }),
        ' nullable ', join(' ', map { $_ ? 1 : 0 } @{ $statement->{NULLABLE} }), "\n";
      while (my $row = $statement->fetchrow_arrayref) { print '  row ', join(' ', map { short($_) } @$row), "\n" }
    }
  } while ($statement->more_results);
  print '  rows ', $statement->rows, ' id ', $statement->{"${prefix}_insertid"} // 'none', ' warnings ',
    $statement->{"${prefix}_warning_count"} // 'none', "\n";
  $statement->finish;
}

sub play {
  my ($handle) = @_;
  run($handle, 'DROP TABLE IF EXISTS typed, loaded');
  run($handle, 'CREATE TABLE typed (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, f DOUBLE, n DECIMAL(20,5), s VARCHAR(50), '
    . 'b LONGBLOB, d DATE, t TIME(6), m DATETIME(6))');
  my $insert = 'INSERT INTO typed (i, f, n, s, d, t, m) VALUES (?, ?, ?, ?, ?, ?, ?)';
  run($handle, $insert, -123456789012, 1.5, '-12345.67891', "ä€😀'\"\\\n", '2024-02-29', '-100:00:00.000005', '1999-12-31 23:59:58.999999');
  run($handle, $insert, (undef) x 7);
  my $statement = $handle->prepare('INSERT INTO typed (b, i) VALUES (?, ?)');
  $statement->bind_param(1, "\x00\xff'\x1a" x (1 << 18), SQL_BLOB);
  $statement->bind_param(2, 42, SQL_INTEGER);
  print 'blob ', $statement->execute, ' ', $handle->last_insert_id(undef, undef, undef, undef), "\n";
  run($handle, 'SELECT * FROM typed WHERE id > ? ORDER BY id', 0);
  my @status;
  print 'array ', $handle->prepare('INSERT INTO typed (i, s) VALUES (?, ?)')
    ->execute_array({ ArrayTupleStatus => \@status }, [1 .. 50], [map { "row $_" } 1 .. 50]), "\n";
  run($handle, 'UPDATE typed SET i = 1 WHERE id < ?', 4);
  $handle->begin_work;
  run($handle, 'DELETE FROM typed');
  $handle->rollback;
  $handle->begin_work;
  run($handle, 'DELETE FROM typed WHERE id = 2');
  $handle->commit;
  run($handle, 'SELECT COUNT(*) FROM typed');
  run($handle, $_) for 'INSERT INTO typed (id) VALUES (1)', 'SELEC 1', 'SELECT * FROM nowhere', 'SELECT 1/0', 'SHOW WARNINGS';
  run($handle, 'DROP PROCEDURE IF EXISTS two');
  run($handle, "CREATE PROCEDURE two(IN a INT, OUT b INT) BEGIN SELECT a; SELECT a + 1, 'next'; SET b = a * 2; END");
  run($handle, 'CALL two(5, @out)');
  run($handle, 'SELECT @out');
  my ($count, $big) = (0, $handle->prepare("SELECT a.id, REPEAT('s', 50) FROM typed a, typed b, typed c WHERE c.id < 20"));
  $big->execute;
  $count++ while $big->fetchrow_arrayref;
  print "many rows $count\n";
  run($handle, 'CREATE TABLE loaded (a INT, b VARCHAR(20))');
  print 'loaded ', $handle->do("LOAD DATA LOCAL INFILE '$ENV{CLIENT_FILE}' INTO TABLE loaded FIELDS TERMINATED BY ','"), ' ',
    $handle->{"${prefix}_info"}, "\n";
  print 'ping ', $handle->ping, ' ', $handle->{"${prefix}_serverinfo"}, ' ', $handle->{"${prefix}_stat"} =~ /^Uptime: / ? 1 : 0, "\n";
  print 'tables ', join(' ', map { $_->[2] } @{ $handle->table_info('', $database, '%')->fetchall_arrayref }), "\n";
  print 'columns ', join(' ', map { "$_->[3]:$_->[5]" } @{ $handle->column_info(undef, $database, 'typed', '%')->fetchall_arrayref }), "\n";
}

my $handle = connect_with();
run($handle, "SELECT 1; SELECT 'two'; SELECT 3");
play($handle);
$handle->disconnect;
$handle = connect_with("${prefix}_server_prepare" => 1);
play($handle);
$handle->disconnect;
$handle = connect_with(AutoCommit => 0, "${prefix}_init_command" => "SET time_zone = '+02:00'");
run($handle, 'SELECT @@autocommit, @@time_zone');
run($handle, 'DELETE FROM typed');
$handle->disconnect;
$handle = connect_with();
run($handle, 'SELECT COUNT(*) FROM typed');
$handle->disconnect;
DBI->connect("dbi:$driver:database=$database;host=$host;port=$port", $user, 'wrong', { PrintError => 0 });
print 'wrong password ', DBI->err, "\n";
print "done\n";
