// MariaDB Connector/J through JDBC: cursor fetch, batches in each of its ways, and server-side preparation. Arguments:
// host port user password database.
import java.io.ByteArrayInputStream;
import java.math.BigDecimal;
import java.sql.*;
import java.util.Arrays;
import java.util.Properties;
import java.util.StringJoiner;

public class Client {
  static String[] where;

  static String encrypted() {
    return System.getenv("CLIENT_TLS") == null ? "" : "&useSsl=true&trustServerCertificate=true";
  }

  static Connection connect(String options) throws SQLException {
    String url = "jdbc:mariadb://" + where[0] + ":" + where[1] + "/" + where[4] + "?allowPublicKeyRetrieval=true&" + options +
        encrypted() +
        (System.getenv("CLIENT_COMPRESS") == null ? "" : "&useCompression=true");
    return DriverManager.getConnection(url, where[2], where[3]);
  }

  static String shown(Object value) {
    if (value instanceof byte[]) {
      byte[] bytes = (byte[]) value;
      return bytes.length > 100 ? "<" + bytes.length + " " + Arrays.hashCode(bytes) + ">" : Arrays.toString(bytes);
    }
    return String.valueOf(value);
  }

  static void print(ResultSet rows) throws SQLException {
    ResultSetMetaData meta = rows.getMetaData();
    for (int i = 1; i <= meta.getColumnCount(); i++)
      System.out.println("  column " + meta.getColumnLabel(i) + " " + meta.getTableName(i) + " " + meta.getColumnTypeName(i) + " "
          + meta.getPrecision(i) + " " + meta.getScale(i) + " " + meta.isNullable(i) + " " + meta.isAutoIncrement(i));
    while (rows.next()) {
      StringJoiner line = new StringJoiner(" ", "  row ", "");
      for (int i = 1; i <= meta.getColumnCount(); i++) line.add(shown(rows.getObject(i)));
      System.out.println(line);
    }
  }

  static void print(SQLException error) {
    System.out.println("  error " + error.getErrorCode() + " " + error.getSQLState() + " " + error.getMessage().replaceAll("conn=-?\\d+", "conn"));
  }

  static void printAll(Statement statement, boolean hasRows, boolean hasKeys) throws SQLException {
    for (boolean rows = hasRows; rows || statement.getUpdateCount() != -1; rows = statement.getMoreResults()) {
      if (rows) print(statement.getResultSet());
      else {
        System.out.println("  affected " + statement.getUpdateCount());
        ResultSet keys = hasKeys ? statement.getGeneratedKeys() : null;
        while (hasKeys && keys.next()) System.out.println("  key " + keys.getLong(1));
      }
    }
    for (SQLWarning warning = statement.getWarnings(); warning != null; warning = warning.getNextWarning())
      System.out.println("  warning " + warning.getErrorCode() + " " + warning.getMessage());
  }

  static void run(Connection connection, String text) throws SQLException {
    System.out.println("> " + text.substring(0, Math.min(70, text.length())));
    try (Statement statement = connection.createStatement()) {
      printAll(statement, statement.execute(text, Statement.RETURN_GENERATED_KEYS), true);
    } catch (SQLException error) {
      print(error);
    }
  }

  static void execute(Connection connection, String text, Object... values) throws SQLException {
    System.out.println("execute " + text.substring(0, Math.min(70, text.length())));
    try (PreparedStatement statement = connection.prepareStatement(text, Statement.RETURN_GENERATED_KEYS)) {
      for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
      printAll(statement, statement.execute(), true);
    } catch (SQLException error) {
      print(error);
    }
  }

  static void types(Connection connection) throws SQLException {
    run(connection, "DROP TABLE IF EXISTS typed");
    run(connection, "CREATE TABLE typed (id INT PRIMARY KEY AUTO_INCREMENT, i BIGINT, f DOUBLE, n DECIMAL(20,5), s VARCHAR(50), "
        + "b LONGBLOB, d DATE, t TIME(3), m DATETIME(6), o BOOLEAN)");
    String insert = "INSERT INTO typed (i, f, n, s, b, d, t, m, o) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    execute(connection, insert, Long.MIN_VALUE, 1.5e-300, new BigDecimal("-12345.67891"), "ä€😀'\"\\\n", new byte[] {0, -1, 39, 26},
        Date.valueOf("2024-02-29"), Time.valueOf("12:34:56"), Timestamp.valueOf("1999-12-31 23:59:58.999999"), true);
    execute(connection, insert, null, null, null, null, null, null, null, null, null);
    try (PreparedStatement blob = connection.prepareStatement("INSERT INTO typed (b) VALUES (?)")) {
      byte[] bytes = new byte[1 << 20];
      for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) (i * 7);
      blob.setBinaryStream(1, new ByteArrayInputStream(bytes));
      System.out.println("blob " + blob.executeUpdate());
    }
    run(connection, "SELECT * FROM typed");
    execute(connection, "SELECT * FROM typed WHERE id > ?", 0);
    for (String bad : new String[] {"INSERT INTO typed (id) VALUES (1)", "SELEC 1", "SELECT * FROM nowhere", "SELECT 1/0"}) {
      run(connection, bad);
      execute(connection, bad);
    }
  }

  static void batches(Connection connection) throws SQLException {
    run(connection, "DROP TABLE IF EXISTS batched");
    run(connection, "CREATE TABLE batched (id INT PRIMARY KEY AUTO_INCREMENT, a INT UNIQUE, s VARCHAR(30))");
    try (PreparedStatement insert =
             connection.prepareStatement("INSERT INTO batched (a, s) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
      for (int i = 0; i < 1000; i++) {
        insert.setInt(1, i);
        if (i % 7 == 0) insert.setNull(2, Types.VARCHAR);
        else insert.setString(2, "row ä " + i);
        insert.addBatch();
      }
      System.out.println("batch " + Arrays.hashCode(insert.executeBatch()));
      for (int i = 998; i < 1002; i++) {
        insert.setInt(1, i);
        insert.setString(2, "twice");
        insert.addBatch();
      }
      insert.executeBatch();
    } catch (BatchUpdateException error) {
      System.out.println("  batch error " + error.getErrorCode() + " " + Arrays.toString(error.getUpdateCounts()));
    }
    try (Statement statement = connection.createStatement()) {
      for (int i = 0; i < 5; i++) statement.addBatch("UPDATE batched SET s = 'u" + i + "' WHERE a < " + i);
      System.out.println("texts " + Arrays.toString(statement.executeBatch()));
    }
    run(connection, "SELECT COUNT(*), COUNT(s), SUM(a) FROM batched");
  }

  static void cursors(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement(); Statement other = connection.createStatement()) {
      statement.setFetchSize(7);
      ResultSet rows = statement.executeQuery("SELECT a, s FROM batched ORDER BY a");
      int count = 0;
      long sum = 0;
      while (rows.next()) {
        sum += rows.getInt(1);
        if (++count % 300 == 0) try (ResultSet one = other.executeQuery("SELECT " + count)) { one.next(); sum += one.getInt(1); }
      }
      System.out.println("fetched " + count + " " + sum);
    }
    try (PreparedStatement statement = connection.prepareStatement("SELECT a FROM batched WHERE a > ? ORDER BY a")) {
      statement.setFetchSize(1);
      statement.setInt(1, 900);
      ResultSet rows = statement.executeQuery();
      for (int i = 0; i < 10; i++) rows.next();
      System.out.println("left at " + rows.getInt(1));
      rows.close();
    }
  }

  static void transactions(Connection connection) throws SQLException {
    connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
    connection.setAutoCommit(false);
    run(connection, "DELETE FROM typed WHERE id = 2");
    Savepoint here = connection.setSavepoint("here");
    run(connection, "DELETE FROM typed");
    connection.rollback(here);
    connection.commit();
    run(connection, "DELETE FROM typed");
    connection.rollback();
    connection.setAutoCommit(true);
    run(connection, "SELECT COUNT(*) FROM typed");
    connection.setReadOnly(true);
    System.out.println("read only " + connection.isReadOnly() + ", isolation " + connection.getTransactionIsolation());
    connection.setReadOnly(false);
  }

  static void procedures(Connection connection) throws SQLException {
    run(connection, "DROP PROCEDURE IF EXISTS two");
    run(connection, "CREATE PROCEDURE two(IN a INT, OUT b INT, INOUT c VARCHAR(20)) "
        + "BEGIN SELECT a; SELECT a + 1, 'next'; SET b = a * 2, c = CONCAT(c, '!'); END");
    try (CallableStatement call = connection.prepareCall("{call two(?, ?, ?)}")) {
      call.setInt(1, 21);
      call.registerOutParameter(2, Types.INTEGER);
      call.setString(3, "ä");
      call.registerOutParameter(3, Types.VARCHAR);
      printAll(call, call.execute(), false);
      System.out.println("out " + call.getInt(2) + " " + call.getString(3));
    }
  }

  static void session(Connection connection) throws SQLException {
    DatabaseMetaData meta = connection.getMetaData();
    System.out.println(meta.getDatabaseProductName() + " " + meta.getDatabaseProductVersion() + " " + connection.getCatalog());
    ResultSet tables = meta.getTables(where[4], null, "%", new String[] {"TABLE"});
    while (tables.next()) System.out.println("  table " + tables.getString("TABLE_NAME"));
    connection.setCatalog("information_schema");
    run(connection, "SELECT DATABASE()");
    connection.setCatalog(where[4]);
    System.out.println("valid " + connection.isValid(5));
  }

  static void play(String options) throws SQLException {
    System.out.println("== " + options);
    try (Connection connection = connect(options)) {
      types(connection);
      batches(connection);
      cursors(connection);
      transactions(connection);
      procedures(connection);
    }
  }

  // cancel() sends KILL QUERY with this connection's id over another one; so may a time-out.
  static void interrupt() throws SQLException, InterruptedException {
    try (Connection connection = connect(""); Connection watching = connect(""); Statement slow = connection.createStatement()) {
      Thread canceller = new Thread(() -> {
        try (Statement look = watching.createStatement()) {
          while (!look.executeQuery("SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(27)%'").next())
            Thread.sleep(20);
          slow.cancel();
        } catch (SQLException | InterruptedException error) {
          System.out.println("not cancelled: " + error.getMessage());
        }
      });
      canceller.start();
      run(slow, "SELECT SLEEP(27)");
      canceller.join();
      slow.setQueryTimeout(1);
      run(slow, "SELECT SLEEP(28)");
      slow.setQueryTimeout(0);
      run(slow, "SELECT 'goes on'");
    }
  }

  static void run(Statement statement, String text) {
    System.out.println("> " + text);
    try {
      print(statement.executeQuery(text));
    } catch (SQLException error) {
      System.out.println("  interrupted " + error.getErrorCode() + " " + error.getSQLState());
    }
  }

  public static void main(String[] arguments) throws SQLException, InterruptedException {
    where = arguments;
    play("useServerPrepStmts=false");
    play("useServerPrepStmts=true&useBulkStmts=true");
    play("useServerPrepStmts=true&useBulkStmts=false&cachePrepStmts=false");
    play("rewriteBatchedStatements=true&useCursorFetch=true&defaultFetchSize=10");
    play("useBatchMultiSend=true&usePipelineAuth=true&useServerPrepStmts=true");
    try (Connection connection = connect("allowMultiQueries=true&sessionVariables=time_zone='+02:00'&localSocketTimeout=20000")) {
      run(connection, "SELECT 1; SELECT 'two', @@time_zone; INSERT INTO batched (s) VALUES ('three')");
      session(connection);
    }
    interrupt();
    try {
      DriverManager.getConnection("jdbc:mariadb://" + where[0] + ":" + where[1] + "/" + where[4] + "?allowPublicKeyRetrieval=true" + encrypted(), where[2], "wrong");
    } catch (SQLException error) {
      System.out.println("wrong password " + error.getErrorCode());
    }
    System.out.println("done");
  }
}
