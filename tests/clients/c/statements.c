/* Prepared statements: every type of parameter, long data, cursors, OUT parameters, bulk execution, and errors. */
#include "client.h"

static MYSQL_STMT* prepare(MYSQL* connection, const char* text) {
  MYSQL_STMT* statement = mysql_stmt_init(connection);
  printf("prepare %.100s\n", text);
  if (mysql_stmt_prepare(statement, text, strlen(text)))
    printf("  error %u %s: %s\n", mysql_stmt_errno(statement), mysql_stmt_sqlstate(statement),
           mysql_stmt_error(statement));
  else
    printf("  %lu parameters, %u columns\n", mysql_stmt_param_count(statement), mysql_stmt_field_count(statement));
  return statement;
}

static int execute(MYSQL_STMT* statement) {
  const int failed = mysql_stmt_execute(statement);
  if (failed)
    printf("  error %u %s: %s\n", mysql_stmt_errno(statement), mysql_stmt_sqlstate(statement),
           mysql_stmt_error(statement));
  else
    printf("  affected %lld, id %llu\n", (long long)mysql_stmt_affected_rows(statement),
           (unsigned long long)mysql_stmt_insert_id(statement));
  return failed;
}

enum { columns_most = 20, value_most = 200 };

/* Fetches every row as text, of one result. */
static void fetch(MYSQL_STMT* statement) {
  MYSQL_RES* meta = mysql_stmt_result_metadata(statement);
  if (!meta) return;
  print_columns(meta);
  const unsigned columns = mysql_num_fields(meta);
  static char values[columns_most][value_most];
  static unsigned long lengths[columns_most];
  static flag nulls[columns_most];
  MYSQL_BIND binds[columns_most];
  memset(binds, 0, sizeof binds);
  for (unsigned i = 0; i < columns; i++) {
    binds[i].buffer_type = MYSQL_TYPE_STRING;
    binds[i].buffer = values[i];
    binds[i].buffer_length = value_most;
    binds[i].length = &lengths[i];
    binds[i].is_null = &nulls[i];
  }
  mysql_stmt_bind_result(statement, binds);
  int status;
  while ((status = mysql_stmt_fetch(statement)) == 0 || status == MYSQL_DATA_TRUNCATED) {
    printf("  row");
    for (unsigned i = 0; i < columns; i++)
      print_value(nulls[i] ? NULL : values[i], lengths[i] < value_most ? lengths[i] : value_most);
    printf("\n");
  }
  if (status == 1) printf("  error %u %s\n", mysql_stmt_errno(statement), mysql_stmt_error(statement));
  mysql_free_result(meta);
}

static void set(MYSQL_BIND* bind, enum enum_field_types type, void* value, unsigned long length, int is_unsigned) {
  memset(bind, 0, sizeof *bind);
  bind->buffer_type = type;
  bind->buffer = value;
  bind->buffer_length = length;
  bind->is_unsigned = (flag)is_unsigned;
}

static void run_types(MYSQL* connection) {
  mysql_query(connection, "CREATE TABLE typed (id INT PRIMARY KEY AUTO_INCREMENT, a TINYINT, b SMALLINT UNSIGNED, c INT, "
                          "d BIGINT UNSIGNED, e FLOAT, f DOUBLE, g DATE, h TIME(6), i DATETIME(6), j VARCHAR(50), "
                          "k BLOB, l DECIMAL(20,5), m YEAR)");
  signed char tiny = -128;
  unsigned short small = 65535;
  int integer = -2147483647;
  unsigned long long big = 18446744073709551615ULL;
  float real = 1.25f;
  double precise = -1e-300;
  MYSQL_TIME date = {.year = 2024, .month = 2, .day = 29, .time_type = MYSQL_TIMESTAMP_DATE};
  MYSQL_TIME span = {.hour = 100, .minute = 1, .second = 2, .second_part = 30, .neg = 1, .time_type = MYSQL_TIMESTAMP_TIME};
  MYSQL_TIME moment = {.year = 1999, .month = 12, .day = 31, .hour = 23, .minute = 59, .second = 58,
                       .second_part = 999999, .time_type = MYSQL_TIMESTAMP_DATETIME};
  unsigned short year = 2024;
  MYSQL_BIND binds[13];
  set(&binds[0], MYSQL_TYPE_TINY, &tiny, 0, 0);
  set(&binds[1], MYSQL_TYPE_SHORT, &small, 0, 1);
  set(&binds[2], MYSQL_TYPE_LONG, &integer, 0, 0);
  set(&binds[3], MYSQL_TYPE_LONGLONG, &big, 0, 1);
  set(&binds[4], MYSQL_TYPE_FLOAT, &real, 0, 0);
  set(&binds[5], MYSQL_TYPE_DOUBLE, &precise, 0, 0);
  set(&binds[6], MYSQL_TYPE_DATE, &date, 0, 0);
  set(&binds[7], MYSQL_TYPE_TIME, &span, 0, 0);
  set(&binds[8], MYSQL_TYPE_DATETIME, &moment, 0, 0);
  set(&binds[9], MYSQL_TYPE_STRING, "ä€😀", strlen("ä€😀"), 0);
  set(&binds[10], MYSQL_TYPE_BLOB, "a\0b\xff", 4, 0);
  set(&binds[11], MYSQL_TYPE_STRING, "-12345.67891", 12, 0);
  set(&binds[12], MYSQL_TYPE_SHORT, &year, 0, 1);
  MYSQL_STMT* insert = prepare(
      connection, "INSERT INTO typed (a, b, c, d, e, f, g, h, i, j, k, l, m) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  mysql_stmt_bind_param(insert, binds);
  execute(insert);
  flag null = 1;
  for (int i = 0; i < 13; i += 2) binds[i].is_null = &null;
  mysql_stmt_bind_param(insert, binds);
  execute(insert);
  for (int i = 0; i < 13; i++) binds[i].buffer_type = MYSQL_TYPE_NULL;
  mysql_stmt_bind_param(insert, binds);
  execute(insert);
  mysql_stmt_close(insert);

  MYSQL_STMT* select = prepare(connection, "SELECT * FROM typed WHERE id >= ? ORDER BY id");
  int from = 1;
  set(&binds[0], MYSQL_TYPE_LONG, &from, 0, 0);
  mysql_stmt_bind_param(select, binds);
  execute(select);
  fetch(select);
  mysql_query(connection, "ALTER TABLE typed ADD COLUMN later INT DEFAULT 7");
  from = 3;
  if (!execute(select)) fetch(select); /* libmariadb refuses metadata that has changed since the last execution */
  mysql_stmt_close(select);
}

static void run_long_data(MYSQL* connection) {
  MYSQL_STMT* insert = prepare(connection, "INSERT INTO typed (j, k) VALUES (?, ?)");
  MYSQL_BIND binds[2];
  set(&binds[0], MYSQL_TYPE_STRING, "long", 4, 0);
  set(&binds[1], MYSQL_TYPE_BLOB, NULL, 0, 0);
  mysql_stmt_bind_param(insert, binds);
  char part[10000];
  memset(part, 'p', sizeof part);
  for (int i = 0; i < 6; i++) mysql_stmt_send_long_data(insert, 1, part, sizeof part);
  execute(insert);
  mysql_stmt_send_long_data(insert, 1, part, sizeof part);
  printf("  reset %d\n", mysql_stmt_reset(insert));
  mysql_stmt_send_long_data(insert, 1, "short", 5);
  execute(insert);
  mysql_stmt_close(insert);
  query(connection, "SELECT k FROM typed WHERE j = 'long' ORDER BY id");
}

static void run_cursor(MYSQL* connection) {
  MYSQL_STMT* select = prepare(connection, "SELECT id, c, j FROM typed ORDER BY id");
  unsigned long type = CURSOR_TYPE_READ_ONLY, at_once = 2;
  mysql_stmt_attr_set(select, STMT_ATTR_CURSOR_TYPE, &type);
  mysql_stmt_attr_set(select, STMT_ATTR_PREFETCH_ROWS, &at_once);
  execute(select);
  query(connection, "SELECT 'between two fetches'");
  fetch(select);
  execute(select);
  mysql_stmt_close(select); /* with rows unread */
}

static void run_procedure(MYSQL* connection) {
  MYSQL_STMT* call = prepare(connection, "CALL two(?, ?)");
  int input = 21, output = 0;
  MYSQL_BIND binds[2];
  set(&binds[0], MYSQL_TYPE_LONG, &input, 0, 0);
  set(&binds[1], MYSQL_TYPE_LONG, &output, 0, 0);
  mysql_stmt_bind_param(call, binds);
  execute(call);
  int status;
  do {
    fetch(call);
    mysql_stmt_free_result(call);
    status = mysql_stmt_next_result(call);
    printf("  next result %d, status %u\n", status, connection->server_status);
  } while (status == 0);
  mysql_stmt_close(call);
}

#ifdef MARIADB_BASE_VERSION
static void run_bulk(MYSQL* connection) {
  MYSQL_STMT* insert = prepare(connection, "INSERT INTO typed (c, j) VALUES (?, ?)");
  int numbers[4] = {1, 2, 3, 4};
  char* texts[4] = {"one", "two", NULL, "four"};
  unsigned long lengths[4] = {3, 3, 0, 4};
  char present[4] = {STMT_INDICATOR_NONE, STMT_INDICATOR_NULL, STMT_INDICATOR_NONE, STMT_INDICATOR_DEFAULT};
  char given[4] = {STMT_INDICATOR_NONE, STMT_INDICATOR_NONE, STMT_INDICATOR_NULL, STMT_INDICATOR_NONE};
  MYSQL_BIND binds[2];
  set(&binds[0], MYSQL_TYPE_LONG, numbers, 0, 0);
  set(&binds[1], MYSQL_TYPE_STRING, texts, 0, 0);
  binds[0].u.indicator = present;
  binds[1].u.indicator = given;
  binds[1].length = lengths;
  unsigned rows = 4;
  mysql_stmt_attr_set(insert, STMT_ATTR_ARRAY_SIZE, &rows);
  mysql_stmt_bind_param(insert, binds);
  execute(insert);
  mysql_stmt_close(insert);
  query(connection, "SELECT c, j FROM typed WHERE id > 5 ORDER BY id");

  printf("execute direct\n"); /* COM_STMT_PREPARE and an execution of statement -1 in one go */
  MYSQL_STMT* direct = mysql_stmt_init(connection);
  unsigned parameters = 0;
  mysql_stmt_attr_set(direct, STMT_ATTR_PREBIND_PARAMS, &parameters);
  if (mariadb_stmt_execute_direct(direct, "SELECT COUNT(*), MAX(id) FROM typed", (size_t)-1))
    printf("  error %u %s\n", mysql_stmt_errno(direct), mysql_stmt_error(direct));
  else
    fetch(direct);
  mysql_stmt_close(direct);
}
#endif

void run_statements(MYSQL* connection) {
  run_types(connection);
  run_long_data(connection);
  run_cursor(connection);
  run_procedure(connection);
#ifdef MARIADB_BASE_VERSION
  run_bulk(connection);
#endif
  mysql_stmt_close(prepare(connection, "SELEC ?"));
  mysql_stmt_close(prepare(connection, "SELECT * FROM nowhere"));
  MYSQL_STMT* twice = prepare(connection, "INSERT INTO typed (id) VALUES (1)");
  execute(twice);
  mysql_stmt_close(twice);
}
