// A table as tests have it, and values said shortly.
#pragma once

#include "proxy/own_writes/stored_value.hpp"
#include "proxy/own_writes/table_type.hpp"
#include "proxy/own_writes/write_effects.hpp"

#include <string>
#include <string_view>
#include <vector>

// t (id int primary key, n smallint unsigned, s varchar(5), d decimal(5,2), at datetime(3) on update now, f
// float)
[[nodiscard]] holdwater::proxy::table_type some_table();

// utf8mb4, strict.
[[nodiscard]] holdwater::spool::statement_context plain_context();

// The text of a known value, "NULL", "untold" or "doubtful".
[[nodiscard]] std::string shown(const holdwater::proxy::cell& one);

[[nodiscard]] holdwater::proxy::column_type integer_column(std::string_view name, unsigned bytes,
                                                           bool is_unsigned = false);
[[nodiscard]] holdwater::proxy::column_type text_column(std::string_view name, unsigned longest);
