# Ruby's mysql2, with connections kept as Rails keeps them: pinged before use, opened anew when they are old. Arguments: host
# port user password database. See tests/lib/pools.py.
require "mysql2"

host, port, user, password, database = ARGV
ADDRESS = { host: host, port: port.to_i, username: user, password: password, database: database, encoding: "utf8mb4",
            default_file: "/dev/null", init_command: "SET @@SESSION.sql_mode = 'STRICT_ALL_TABLES', @@SESSION.wait_timeout = 2147483" }.freeze
$stdout.sync = true

def insert(client, prepared, text, *values)
  if prepared
    statement = client.prepare(text)
    statement.execute(*values)
    id = statement.last_id
    statement.close
    return id
  end
  filled = text.gsub("?") { value = values.shift; value.is_a?(Integer) ? value.to_s : "'#{client.escape(value)}'" }
  client.query(filled)
  client.last_id
end

def write(client, tag, prepared)
  raise "no answer to the ping" unless client.ping
  asked = "SELECT 1 AS one, DATABASE() AS base, @@autocommit AS auto"
  row = (prepared ? client.prepare(asked).execute : client.query(asked)).first
  raise row.inspect unless row == { "one" => 1, "base" => ADDRESS[:database], "auto" => 1 }
  client.query("BEGIN")
  order = insert(client, prepared, "INSERT INTO orders (note) VALUES (?)", tag)
  puts "order #{order} #{tag}"
  2.times { |n| puts "item #{insert(client, prepared, 'INSERT INTO items (order_id, name) VALUES (?, ?)', order, "#{tag} #{n}")} #{order} #{tag} #{n}" }
  client.query("COMMIT")
  puts "order #{insert(client, prepared, 'INSERT INTO orders (note) VALUES (?)', "#{tag} alone")} #{tag} alone"
end

kept = Array.new(2) { Mysql2::Client.new(ADDRESS) }
while (line = $stdin.gets)
  tag = line.strip
  write(kept[0], "#{tag} text", false)
  write(kept[1], "#{tag} prepared", true)
  fresh = Mysql2::Client.new(ADDRESS)
  write(fresh, "#{tag} fresh", true)
  fresh.close
  puts "done"
end
