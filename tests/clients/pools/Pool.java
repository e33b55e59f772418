// HikariCP over MariaDB Connector/J, with text and with server-side prepared statements. Arguments: host port user password
// database. See tests/lib/pools.py.
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

public class Pool {
  static String[] where;

  static HikariDataSource open(boolean serverPrepares, boolean testQuery) {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl("jdbc:mariadb://" + where[0] + ":" + where[1] + "/" + where[4]
        + "?allowPublicKeyRetrieval=true&useServerPrepStmts=" + serverPrepares);
    config.setUsername(where[2]);
    config.setPassword(where[3]);
    config.setMaximumPoolSize(4);
    config.setMinimumIdle(1);
    if (testQuery) config.setConnectionTestQuery("SELECT 1"); // otherwise isValid(), which pings
    return new HikariDataSource(config);
  }

  static long insert(Connection connection, String text, Object... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(text, Statement.RETURN_GENERATED_KEYS)) {
      for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
      statement.executeUpdate();
      try (ResultSet keys = statement.getGeneratedKeys()) {
        keys.next();
        return keys.getLong(1);
      }
    }
  }

  static void write(HikariDataSource pool, String tag) throws SQLException {
    try (Connection connection = pool.getConnection()) {
      try (PreparedStatement ask = connection.prepareStatement("SELECT 1, DATABASE(), @@autocommit"); ResultSet row = ask.executeQuery()) {
        row.next();
        if (row.getInt(1) != 1 || !where[4].equals(row.getString(2)) || row.getInt(3) != 1) throw new SQLException("a wrong answer");
      }
      if (!connection.isValid(5)) throw new SQLException("not valid");
      connection.setAutoCommit(false);
      long order = insert(connection, "INSERT INTO orders (note) VALUES (?)", tag);
      System.out.println("order " + order + " " + tag);
      for (int n = 0; n < 2; n++)
        System.out.println("item " + insert(connection, "INSERT INTO items (order_id, name) VALUES (?, ?)", order, tag + " " + n)
            + " " + order + " " + tag + " " + n);
      connection.commit();
      connection.setAutoCommit(true);
      System.out.println("order " + insert(connection, "INSERT INTO orders (note) VALUES (?)", tag + " alone") + " " + tag + " alone");
    }
  }

  public static void main(String[] arguments) throws Exception {
    where = arguments;
    HikariDataSource text = open(false, true), prepared = open(true, false);
    BufferedReader asked = new BufferedReader(new InputStreamReader(System.in));
    for (String tag = asked.readLine(); tag != null; tag = asked.readLine()) {
      Thread.sleep(600); // a connection that was used less than half a second ago is not looked at
      write(text, tag + " text");
      write(prepared, tag + " prepared");
      try (Connection one = prepared.getConnection(); Connection two = prepared.getConnection(); Connection three = prepared.getConnection()) {
        write(prepared, tag + " one more");
      }
      try (HikariDataSource fresh = open(true, true)) {
        write(fresh, tag + " fresh");
      }
      System.out.println("done");
      System.out.flush();
    }
    text.close();
    prepared.close();
  }
}
