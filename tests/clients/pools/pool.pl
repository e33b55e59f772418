# Perl's DBI: connect_cached, which pings, with prepares of the client's and of the server's. Arguments: driver host port user
# password database. See tests/lib/pools.py.
use strict;
use warnings;
use DBI;

$| = 1;
my ($driver, $host, $port, $user, $password, $database) = @ARGV;
my $prefix = $driver eq 'mysql' ? 'mysql' : 'mariadb';

sub kept {
  my ($prepared, $of) = @_;
  return DBI->connect_cached("dbi:$driver:database=$database;host=$host;port=$port", $user, $password,
    { RaiseError => 1, PrintError => 0, AutoCommit => 1, "${prefix}_server_prepare" => $prepared, private_of => $of });
}

sub insert {
  my ($link, $text, @values) = @_;
  my $statement = $link->prepare($text);
  $statement->execute(@values);
  return $statement->{"${prefix}_insertid"};
}

sub write_with {
  my ($link, $tag) = @_;
  die 'no answer to the ping' unless $link->ping;
  my $row = $link->selectrow_arrayref('SELECT 1, DATABASE(), @@autocommit');
  die "@$row" unless "@$row" eq "1 $database 1";
  $link->begin_work;
  my $order = insert($link, 'INSERT INTO orders (note) VALUES (?)', $tag);
  print "order $order $tag\n";
  for my $n (0, 1) {
    my $item = insert($link, 'INSERT INTO items (order_id, name) VALUES (?, ?)', $order, "$tag $n");
    print "item $item $order $tag $n\n";
  }
  $link->commit;
  my $alone = insert($link, 'INSERT INTO orders (note) VALUES (?)', "$tag alone");
  print "order $alone $tag alone\n";
}

my $opened = 0;
while (my $line = <STDIN>) {
  chomp $line;
  write_with(kept(0, 'all'), "$line text");
  write_with(kept(1, 'all'), "$line prepared");
  my $fresh = kept(1, ++$opened); # nobody has asked for this one before
  write_with($fresh, "$line fresh");
  $fresh->disconnect;
  print "done\n";
}
