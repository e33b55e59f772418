# Ruby's mysql2 over libmariadb. Arguments: host port user password database.
require "mysql2"
require "digest"
require "bigdecimal"

host, port, user, password, database = ARGV
ADDRESS = { host: host, port: port.to_i, username: user, password: password, database: database, encoding: "utf8mb4",
            local_infile: true, default_file: "/dev/null",
            flags: ENV["CLIENT_COMPRESS"] ? ["COMPRESS"] : [] }.freeze

def short(value)
  return "<#{value.bytesize} #{Digest::SHA1.hexdigest(value)}>" if value.is_a?(String) && value.bytesize > 100
  return "0x#{value.unpack1('H*')}" if value.is_a?(String) && (value.encoding == Encoding::BINARY || !value.valid_encoding?)
  value.is_a?(BigDecimal) ? value.to_s : value.inspect
end

def show(client, result)
  while true
    puts "  affected #{client.affected_rows} id #{client.last_id} info #{client.query_info}" unless result
    if result
      puts "  fields #{result.fields.inspect}"
      result.each(as: :array) { |row| puts "  row #{row.map { |value| short(value) }.join(' ')}" }
    end
    break unless client.respond_to?(:next_result) && client.next_result
    result = client.store_result
  end
end

def query(client, text)
  puts "> #{text[0, 70]}"
  show(client, client.query(text))
  puts "  warnings #{client.warning_count}"
rescue Mysql2::Error => error
  puts "  error #{error.error_number} #{error.sql_state} #{error.message}"
  client.abandon_results! if client.ping
end

def execute(client, text, *values)
  puts "execute #{text[0, 70]}"
  statement = client.prepare(text)
  result = statement.execute(*values, as: :array)
  result&.each { |row| puts "  row #{row.map { |value| short(value) }.join(' ')}" }
  puts "  affected #{statement.affected_rows} id #{statement.last_id}"
  statement.close
rescue Mysql2::Error => error
  puts "  error #{error.error_number} #{error.sql_state} #{error.message}"
end

client = Mysql2::Client.new(ADDRESS.merge(flags: Mysql2::Client::MULTI_STATEMENTS))
query(client, "CREATE TABLE typed (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, f DOUBLE, n DECIMAL(20,5), s VARCHAR(50), " \
              "b LONGBLOB, d DATE, t TIME, m DATETIME(6), o TINYINT(1))")
insert = "INSERT INTO typed (i, f, n, s, b, d, m, o) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
execute(client, insert, -2**63, 1.5e-300, BigDecimal("-12345.67891"), "ä€😀'\"\\\n", "\x00\xff'\x1a".b, Date.new(2024, 2, 29),
        Time.utc(1999, 12, 31, 23, 59, 58, 999_999), true)
execute(client, insert, *([nil] * 8))
execute(client, "INSERT INTO typed (b) VALUES (?)", ("blob" * (1 << 18)).b)
query(client, "SELECT * FROM typed")
execute(client, "SELECT * FROM typed WHERE id > ?", 0)
query(client, "INSERT INTO typed (s) VALUES ('#{client.escape("it's")}')")
query(client, "UPDATE typed SET i = 1 WHERE id < 3")
query(client, "SELECT 1; SELECT 'two', NULL; INSERT INTO typed (i) VALUES (7); SELECT 4")
query(client, "SELECT 1; SELEC")
query(client, "CREATE PROCEDURE two(IN a INT, OUT b INT) BEGIN SELECT a; SELECT a + 1, 'next'; SET b = a * 2; END")
query(client, "CALL two(5, @out)")
query(client, "SELECT @out")
query(client, "BEGIN")
query(client, "DELETE FROM typed")
query(client, "ROLLBACK")
query(client, "SELECT COUNT(*) FROM typed")
["INSERT INTO typed (id) VALUES (1)", "SELEC 1", "SELECT * FROM nowhere", "SELECT 1/0", "SHOW WARNINGS"].each do |text|
  query(client, text)
  execute(client, text)
end
query(client, "INSERT INTO typed (i) #{(1..400).map { |i| "SELECT #{i}" }.join(' UNION ALL ')}")
GC.start
GC.disable # mysql2 closes a forgotten statement whenever it is collected, be it in the middle of a result
streamed = 0
client.query("SELECT a.i, REPEAT('s', 50) FROM typed a, typed b WHERE b.id < 60", stream: true, cache_rows: false, as: :array).each { streamed += 1 }
puts "streamed #{streamed}"
statement = client.prepare("SELECT i FROM typed WHERE i BETWEEN 1 AND ?")
puts "statement streamed #{statement.execute(300, stream: true, cache_rows: false, as: :array).map(&:first).sum}"
statement.close
GC.enable
query(client, "CREATE TABLE loaded (a INT, b VARCHAR(20))")
query(client, "LOAD DATA LOCAL INFILE '#{ENV['CLIENT_FILE']}' INTO TABLE loaded FIELDS TERMINATED BY ','")
client.query("SELECT SLEEP(0.1), 1", async: true)
IO.select([IO.for_fd(client.socket, autoclose: false)])
puts "asynchronous #{client.async_result.to_a}"
puts "ping #{client.ping} #{client.server_info[:version]}"
query(client, "SET @mine = 1")
client.select_db("information_schema")
query(client, "SELECT DATABASE(), @mine")
client.close
begin
  Mysql2::Client.new(ADDRESS.merge(password: "wrong"))
rescue Mysql2::Error => error
  puts "wrong password #{error.error_number}"
end
reader = Mysql2::Client.new(ADDRESS.merge(init_command: "SET time_zone = '+02:00'", read_timeout: 20, reconnect: true))
query(reader, "SELECT @@time_zone, @@character_set_client, @@wait_timeout")
reader.close
puts "done"
