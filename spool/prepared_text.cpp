#include "spool/prepared_text.hpp"

#include "spool/bound_parameters.hpp"

#include <algorithm>

namespace holdwater::spool {
namespace {

constexpr std::size_t long_data_piece = 1 << 20; // bytes

} // namespace

server_error prepared_text::error() const {
  auto* const handle = handle_.get();
  return {mysql_stmt_errno(handle), mysql_stmt_sqlstate(handle), mysql_stmt_error(handle)};
}

server_result<std::unique_ptr<prepared_text>> prepared_text::make(MYSQL* connection, std::string_view text,
                                                                  const socket_wait& wait) {
  mysql_options(connection, MYSQL_OPT_NONBLOCK, nullptr);
  statement_handle handle(mysql_stmt_init(connection));
  if (!handle) return server_error{mysql_errno(connection), "HY000", mysql_error(connection)};
  std::unique_ptr<prepared_text> made(new prepared_text(std::move(handle), text));
  auto* const raw = made->handle_.get();
  int failed = 0;
  const bool done = in_steps(
      wait, [&] { return mysql_stmt_prepare_start(&failed, raw, text.data(), text.size()); },
      [&](int came) { return mysql_stmt_prepare_cont(&failed, raw, came); });
  if (!done) return no_answer();
  if (failed != 0) return made->error();
  return made;
}

std::vector<prepared_text::bound_type> prepared_text::types_of(const std::vector<parameter>& values) {
  std::vector<bound_type> out;
  out.reserve(values.size());
  for (const auto& one : values) out.push_back({one.type, one.is_unsigned, !one.value});
  return out;
}

bool prepared_text::takes(const std::vector<parameter>& values) const {
  return !executed_ || *executed_ == types_of(values);
}

bool prepared_text::can_send(const std::vector<parameter>& values) const {
  const auto goes = [](const parameter& one) { return !one.long_data && can_be_bound(one); };
  return executed_ && takes(values) && mysql_stmt_field_count(handle_.get()) == 0 &&
         std::all_of(values.begin(), values.end(), goes);
}

// The library has no call that leaves the answer for later but this, which all of its own go through.
bool prepared_text::send(const std::vector<parameter>& values) {
  constexpr my_bool leave_the_answer = 1;
  auto* const raw = handle_.get();
  if (raw->mysql == nullptr) return false; // its connection was given up
  const auto bytes = execution(static_cast<std::uint32_t>(raw->stmt_id), values);
  return raw->mysql->methods->db_command(raw->mysql, COM_STMT_EXECUTE, bytes.data(), bytes.size(),
                                         leave_the_answer, raw) == 0;
}

server_result<void> prepared_text::execute(const std::vector<parameter>& values, const socket_wait& wait) {
  auto* const raw = handle_.get();
  if (mysql_stmt_param_count(raw) != values.size())
    return server_error{0, "HY000", "the statement does not have as many parameters as were bound to it"};
  bound_parameters bound(values);
  if (!bound.sound()) return server_error{0, "HY000", "a bound value does not fit its type"};
  if (mysql_stmt_bind_param(raw, bound.binds()) != 0)
    return server_error{0, "HY000", mysql_stmt_error(raw)}; // the library's word, not the connection's
  executed_ = types_of(values);
  if (auto done = send_long_data(values); !done) return done;
  int failed = 0;
  const bool done = in_steps(
      wait, [&] { return mysql_stmt_execute_start(&failed, raw); },
      [&](int came) { return mysql_stmt_execute_cont(&failed, raw, came); });
  if (!done) return no_answer();
  if (failed != 0) return error();
  if (mysql_stmt_field_count(raw) != 0) mysql_stmt_free_result(raw);
  return {};
}

server_result<void> prepared_text::send_long_data(const std::vector<parameter>& values) {
  for (unsigned i = 0; i < values.size(); ++i) {
    if (!values[i].long_data || !values[i].value) continue;
    std::string_view rest = *values[i].value;
    do { // an empty value is sent too
      const auto piece = rest.substr(0, long_data_piece);
      if (mysql_stmt_send_long_data(handle_.get(), i, piece.data(), piece.size()) != 0) return error();
      rest.remove_prefix(piece.size());
    } while (!rest.empty());
  }
  return {};
}

} // namespace holdwater::spool
