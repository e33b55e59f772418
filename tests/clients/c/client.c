/* The C API, text protocol and commands; statements.c has the binary protocol. Built against libmariadb and against
 * MySQL's libmysqlclient. Arguments: host port user password database. Prints what it sees. */
#include "client.h"

static MYSQL* connect_to(const struct address* where, unsigned long flags) {
  MYSQL* connection = mysql_init(NULL);
  unsigned local = 1;
  mysql_options(connection, MYSQL_OPT_LOCAL_INFILE, &local);
  mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_options4(connection, MYSQL_OPT_CONNECT_ATTR_ADD, "program", "holdwater client test");
#ifndef MARIADB_BASE_VERSION
  bool ask_for_key = true;
  mysql_options(connection, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &ask_for_key);
  if (getenv("CLIENT_COMPRESS")) mysql_options(connection, MYSQL_OPT_COMPRESSION_ALGORITHMS, getenv("CLIENT_COMPRESS"));
  unsigned encrypted = SSL_MODE_REQUIRED;
  if (getenv("CLIENT_TLS")) mysql_options(connection, MYSQL_OPT_SSL_MODE, &encrypted);
#else
  if (getenv("CLIENT_COMPRESS")) mysql_options(connection, MYSQL_OPT_COMPRESS, NULL);
  my_bool encrypted = 1;
  if (getenv("CLIENT_TLS")) mysql_options(connection, MYSQL_OPT_SSL_ENFORCE, &encrypted);
#endif
  if (!mysql_real_connect(connection, where->host, where->user, where->password, where->database, where->port, NULL,
                          flags))
    fail(connection, "connect");
  return connection;
}

static void run_texts(MYSQL* connection) {
  query(connection, "DROP TABLE IF EXISTS texts");
  query(connection, "CREATE TABLE texts (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(40), n DECIMAL(10,3), d DATE, "
                    "b LONGBLOB, e ENUM('a','b'), f DOUBLE, u BIGINT UNSIGNED, t TIMESTAMP(3) NULL, bits BIT(9))");
  query(connection, "INSERT INTO texts (s, n, d, b, e, f, u, t, bits) VALUES ('ä€😀', -1.5, '2024-02-29', 0x00ff27, 'b',"
                    " 1e100, 18446744073709551615, '2024-01-01 00:00:00.125', b'100000001'), "
                    "(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)");
  query(connection, "SELECT * FROM texts ORDER BY id");
  query(connection, "UPDATE texts SET s = 'x' WHERE id > 0");
  query(connection, "UPDATE texts SET s = 'x' WHERE id > 0");
  query(connection, "INSERT INTO texts (id) VALUES (1)");
  query(connection, "INSERT INTO texts (id, s) VALUES (1, 'y') ON DUPLICATE KEY UPDATE s = 'z'");
  query(connection, "SELEC 1");
  query(connection, "SELECT * FROM nowhere");
  query(connection, "SELECT 1/0");
  query(connection, "SHOW WARNINGS");
  query(connection, "");
  query(connection, "START TRANSACTION");
  query(connection, "INSERT INTO texts (s) VALUES ('gone')");
  query(connection, "SELECT LAST_INSERT_ID()");
  query(connection, "ROLLBACK");
  query(connection, "SELECT COUNT(*) FROM texts");
  mysql_autocommit(connection, 0);
  query(connection, "INSERT INTO texts (id, s) VALUES (50, 'kept')");
  mysql_commit(connection);
  mysql_autocommit(connection, 1);
  query(connection, "INSERT INTO texts (id, b) VALUES (60, REPEAT('blob ', 250000))");
  query(connection, "SELECT b FROM texts WHERE id = 60");
}

static void run_results(MYSQL* connection) {
  query(connection, "SELECT 1; SELECT 'two', NULL; INSERT INTO texts (id) VALUES (70); SELECT 4; SELEC; SELECT 6");
  query(connection, "DROP PROCEDURE IF EXISTS two");
  query(connection, "CREATE PROCEDURE two(IN a INT, OUT b INT) BEGIN SELECT a; SELECT a + 1, 'next'; SET b = a * 2; END");
  query(connection, "CALL two(5, @out)");
  query(connection, "SELECT @out");
  printf("unbuffered\n");
  if (mysql_query(connection, "SELECT seq.a * 1000 + other.a, REPEAT('r', 500) FROM "
                              "(WITH RECURSIVE s AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM s WHERE a < 100) SELECT a FROM s) seq, "
                              "(WITH RECURSIVE s AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM s WHERE a < 50) SELECT a FROM s) other"))
    fail(connection, "unbuffered");
  MYSQL_RES* result = mysql_use_result(connection);
  unsigned long rows = 0, bytes = 0;
  while (mysql_fetch_row(result)) {
    rows++;
    bytes += mysql_fetch_lengths(result)[1];
  }
  printf("  %lu rows, %lu bytes, error %u\n", rows, bytes, mysql_errno(connection));
  mysql_free_result(result);
}

static void run_local_file(MYSQL* connection) {
  const char* name = getenv("CLIENT_FILE");
  char text[600];
  query(connection, "CREATE TABLE loaded (a INT, b VARCHAR(20))");
  printf("load data local\n");
  snprintf(text, sizeof text, "LOAD DATA LOCAL INFILE '%s' INTO TABLE loaded FIELDS TERMINATED BY ','", name);
  if (mysql_query(connection, text)) print_error(connection);
  else printf("  affected %llu, info %s\n", (unsigned long long)mysql_affected_rows(connection), mysql_info(connection));
  if (mysql_query(connection, "LOAD DATA LOCAL INFILE '/nowhere/at/all' INTO TABLE loaded")) print_error(connection);
  query(connection, "SELECT COUNT(*), SUM(a) FROM loaded");
}

#ifndef MARIADB_BASE_VERSION
static void run_attributes(MYSQL* connection) {
  const char* names[] = {"trace", "number", "none"};
  MYSQL_BIND binds[3];
  memset(binds, 0, sizeof binds);
  long long number = 42;
  unsigned long length = 5;
  binds[0].buffer_type = MYSQL_TYPE_STRING;
  binds[0].buffer = "ab ä";
  binds[0].buffer_length = 5;
  binds[0].length = &length;
  binds[1].buffer_type = MYSQL_TYPE_LONGLONG;
  binds[1].buffer = &number;
  binds[2].buffer_type = MYSQL_TYPE_NULL;
  printf("query attributes\n");
  if (mysql_bind_param(connection, 3, binds, names)) print_error(connection);
  query(connection, "SELECT 'with attributes'");
}
#endif

static void print_tracked(MYSQL* connection) {
  for (int type = SESSION_TRACK_BEGIN; type <= SESSION_TRACK_END; type++) {
    const char* data;
    size_t length;
    int more = mysql_session_track_get_first(connection, (enum enum_session_state_type)type, &data, &length);
    for (int secret = 0; more == 0;
         more = mysql_session_track_get_next(connection, (enum enum_session_state_type)type, &data, &length)) {
      printf("  tracked %d: %.*s\n", type, secret ? 0 : (int)length, data);
      secret = length == 12 && memcmp(data, "statement_id", 12) == 0; /* a counter of the server's comes next */
    }
  }
}

static void run_session(MYSQL* connection, const struct address* where) {
  printf("session tracking\n");
  mysql_query(connection, "SET SESSION session_track_schema = ON, session_track_state_change = ON, "
                          "session_track_system_variables = '*', session_track_transaction_info = 'CHARACTERISTICS'");
  print_tracked(connection);
  mysql_query(connection, "SET time_zone = '+02:00', sql_mode = 'ANSI_QUOTES'");
  print_tracked(connection);
  mysql_query(connection, "START TRANSACTION READ ONLY");
  print_tracked(connection);
  mysql_query(connection, "COMMIT");
  print_tracked(connection);
  mysql_select_db(connection, "information_schema");
  print_tracked(connection);
  mysql_select_db(connection, where->database);
  query(connection, "SELECT @@time_zone, @@sql_mode, DATABASE(), \"a\" FROM (SELECT 1 AS \"a\") d");
  printf("reset %d\n", mysql_reset_connection(connection));
  query(connection, "SELECT @@time_zone, DATABASE(), @out");
  mysql_set_character_set(connection, "latin1");
  query(connection, "SELECT 'x', @@character_set_client, @@collation_connection");
  query(connection, "SET @mine = 1");
  printf("change user\n");
  if (mysql_change_user(connection, where->user, where->password, where->database)) print_error(connection);
  query(connection, "SELECT @mine, @@character_set_client, DATABASE(), CURRENT_USER()");
  printf("change user with a wrong password %d\n",
         mysql_change_user(connection, where->user, "wrong", where->database) != 0);
  printf("  error %u\n", mysql_errno(connection));
}

static void run_commands(MYSQL* connection) {
  printf("server %s, protocol %u, charset %s, capabilities of the server's session match\n",
         mysql_get_server_info(connection), mysql_get_proto_info(connection), mysql_character_set_name(connection));
  printf("ping %d\n", mysql_ping(connection));
  printf("statistics %d\n", strncmp(mysql_stat(connection), "Uptime: ", 8) == 0);
  MYSQL_RES* fields = mysql_list_fields(connection, "texts", "%");
  if (fields) {
    printf("field list\n");
    print_columns(fields);
    mysql_free_result(fields);
  } else {
    print_error(connection);
  }
  if (mysql_list_fields(connection, "nowhere", "%")) fail(connection, "fields of nowhere");
  print_error(connection);
  printf("select_db %d", mysql_select_db(connection, "no_such_database"));
  print_error(connection);
  printf("debug %d\n", mysql_dump_debug_info(connection));
  printf("multi statements off %d\n", mysql_set_server_option(connection, MYSQL_OPTION_MULTI_STATEMENTS_OFF));
  query(connection, "SELECT 1; SELECT 2");
  printf("multi statements on %d\n", mysql_set_server_option(connection, MYSQL_OPTION_MULTI_STATEMENTS_ON));
  query(connection, "SELECT 1; SELECT 2");
}

static void run_kill(MYSQL* connection, const struct address* where) {
  MYSQL* victim = connect_to(where, 0);
  char text[100];
  mysql_query(victim, "SELECT CONNECTION_ID()");
  MYSQL_RES* result = mysql_store_result(victim);
  snprintf(text, sizeof text, "KILL %s", mysql_fetch_row(result)[0]);
  mysql_free_result(result);
  printf("kill %d\n", mysql_query(connection, text));
  mysql_close(victim);
  printf("kill of nobody %d", mysql_query(connection, "KILL 4000000000"));
  print_error(connection);
}

int main(int count, char** arguments) {
  if (count != 6) return 2;
  const struct address where = {arguments[1], arguments[3], arguments[4], arguments[5], (unsigned)atoi(arguments[2])};
  mysql_library_init(0, NULL, NULL);
  MYSQL* connection = connect_to(&where, CLIENT_MULTI_STATEMENTS | CLIENT_FOUND_ROWS);
  run_texts(connection);
  mysql_close(connection);
  connection = connect_to(&where, CLIENT_MULTI_STATEMENTS);
  run_texts(connection);
  run_results(connection);
  run_local_file(connection);
  run_commands(connection);
  run_statements(connection);
#ifndef MARIADB_BASE_VERSION
  run_attributes(connection);
#endif
  run_kill(connection, &where);
  run_session(connection, &where);
  mysql_close(connection);
  mysql_library_end();
  printf("done\n");
  return 0;
}
