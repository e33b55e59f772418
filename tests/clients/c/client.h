/* What the C programs share: the server to talk to, and printing that makes two runs comparable. */
#pragma once

#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* MySQL 8 and later have no my_bool. */
#ifdef MARIADB_BASE_VERSION
typedef my_bool flag;
#else
typedef bool flag;
#endif

struct address {
  const char *host, *user, *password, *database;
  unsigned port;
};

static inline void fail(MYSQL* connection, const char* what) {
  printf("FAILED %s: %u %s\n", what, mysql_errno(connection), mysql_error(connection));
  fflush(stdout);
  exit(1);
}

static inline void print_error(MYSQL* connection) {
  printf("  error %u %s: %s\n", mysql_errno(connection), mysql_sqlstate(connection), mysql_error(connection));
}

/* A value by its length and a checksum when it is long, by its bytes otherwise. */
static inline void print_value(const char* value, unsigned long length) {
  if (!value) {
    printf(" NULL");
  } else if (length > 100) {
    unsigned long sum = 5381;
    for (unsigned long i = 0; i < length; i++) sum = sum * 33 + (unsigned char)value[i];
    printf(" <%lu bytes, %lx>", length, sum);
  } else {
    printf(" [");
    for (unsigned long i = 0; i < length; i++)
      printf((unsigned char)value[i] < 32 ? "\\%02x" : "%c", (unsigned char)value[i]);
    printf("]");
  }
}

static inline void print_columns(MYSQL_RES* result) {
  for (unsigned i = 0; i < mysql_num_fields(result); i++) {
    const MYSQL_FIELD* field = mysql_fetch_field_direct(result, i);
    printf("  column %s.%s.%s (%s.%s) type %d flags %u length %lu max %lu decimals %u charset %u\n", field->db,
           field->table, field->name, field->org_table, field->org_name, field->type, field->flags, field->length,
           field->max_length, field->decimals, field->charsetnr);
  }
}

static inline void print_rows(MYSQL_RES* result) {
  for (MYSQL_ROW row; (row = mysql_fetch_row(result)) != NULL;) {
    const unsigned long* lengths = mysql_fetch_lengths(result);
    printf("  row");
    for (unsigned i = 0; i < mysql_num_fields(result); i++) print_value(row[i], lengths[i]);
    printf("\n");
  }
}

/* Runs a text and prints everything that comes back, result by result. */
static inline void query(MYSQL* connection, const char* text) {
  printf("> %.100s\n", text);
  int status = mysql_real_query(connection, text, strlen(text));
  for (; status == 0; status = mysql_next_result(connection)) {
    MYSQL_RES* result = mysql_store_result(connection);
    if (result) {
      print_columns(result);
      print_rows(result);
      mysql_free_result(result);
    }
    const char* info = mysql_info(connection);
    printf("  affected %lld, id %llu, warnings %u, status %u, info %s\n", (long long)mysql_affected_rows(connection),
           (unsigned long long)mysql_insert_id(connection), mysql_warning_count(connection),
           connection->server_status, info ? info : "none");
  }
  if (status > 0) print_error(connection);
}

void run_statements(MYSQL* connection); /* statements.c */

