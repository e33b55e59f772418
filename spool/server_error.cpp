// What the server's error numbers mean for a statement of ours.
//
// Source: MySQL "Server Error Message Reference", MariaDB "Error Codes"; numbers from 2000 on are the client
// library's.
#include "spool/mysql_connection.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <boost/throw_exception.hpp>

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <string_view>

namespace holdwater::spool {
namespace {

template <std::size_t Size>
bool is_one_of(unsigned number, const unsigned (&numbers)[Size]) {
  return std::find(std::begin(numbers), std::end(numbers), number) != std::end(numbers);
}

constexpr unsigned lost[] = {
    1158, 1159, 1160, 1161, // network: reading, reading in time, writing, writing in time
    1184, 1927,             // aborted; killed
    4031,                   // disconnected for being idle
};
constexpr unsigned refusing[] = {
    1053,                         // shutdown in progress
    1040, 1203, 1226,             // too many connections, of this user, in this hour
    1047, 1152, 1836, 3100, 3032, // not prepared, aborted, read-only, offline mode
    1129,                         // this host is blocked
    1792, 1874,                   // the transaction is read-only: so is the server; so is InnoDB
};
constexpr unsigned withholding[] = {
    1045, 1698, 1130,       // access denied at connect, from this host
    1820, 1862, 3118,       // the password has expired, the account is locked
    3955, 4151,             // the account is locked for its failed logins, or by MariaDB
    1021, 1114, 1037, 1041, // the disk, the table or the memory is full
    5,    20,               // so are the memory, the disk of the temporary files
    1461,                   // too many prepared statements
};
constexpr unsigned failing_to_write[] = {
    3, 1026, // a file, often a temporary one
    1030,    // whatever the storage engine does
};
constexpr unsigned passing[] = {
    1205, 1206, 1213, 1317, 1614, // locks, deadlocks, interrupted
    1615,                         // to be prepared again
    1020,                         // record has changed since last read (MariaDB's snapshot isolation)
    1637, 1969, 3024,             // too many active transactions; statement time exceeded
    1297, 3101,                   // NDB's, and Group Replication's conflict with another member
};

// What a server's text for the number has in it, whatever the version, Galera's as well; in small letters.
struct own_words {
  unsigned number;
  std::string_view words;
};
constexpr own_words usual[] = {
    {3, "error writing file"},
    {5, "memory"},
    {20, "disk"},
    {1020, "record has changed"},
    {1021, "disk"},
    {1026, "error writing file"},
    {1030, "from storage engine"},
    {1037, "memory"},
    {1040, "too many connections"},
    {1041, "memory"},
    {1045, "access denied"},
    {1047, "unknown command"},
    {1047, "wsrep"},
    {1053, "shutdown"},
    {1114, "is full"},
    {1129, "blocked"},
    {1130, "not allowed"},
    {1152, "aborted connection"},
    {1158, "communication packets"},
    {1159, "communication packets"},
    {1160, "communication packets"},
    {1161, "communication packets"},
    {1184, "aborted connection"},
    {1203, "max_user_connections"},
    {1205, "lock wait timeout exceeded"},
    {1206, "number of locks"},
    {1213, "deadlock"},
    {1226, "exceeded"},
    {1290, "running with the"},
    {1297, "temporary error"},
    {1317, "execution was interrupted"},
    {1461, "max_prepared_stmt_count"},
    {1614, "xa_rbdeadlock"},
    {1615, "re-prepared"},
    {1637, "too many active"},
    {1698, "access denied"},
    {1792, "read only transaction"},
    {1820, "you must"},
    {1836, "read-only mode"},
    {1862, "password has expired"},
    {1874, "read only mode"},
    {1927, "killed"},
    {1969, "execution was interrupted"},
    {3024, "execution was interrupted"},
    {3032, "offline mode"},
    {3100, "replication hook"},
    {3101, "plugin instructed"},
    {3118, "locked"},
    {3955, "blocked"},
    {4031, "disconnected"},
    {4151, "locked"},
};

constexpr bool has_words(unsigned number) {
  return std::ranges::find(usual, number, &own_words::number) != std::end(usual);
}
static_assert(std::ranges::all_of(lost, has_words) && std::ranges::all_of(refusing, has_words) &&
              std::ranges::all_of(withholding, has_words) &&
              std::ranges::all_of(failing_to_write, has_words) && std::ranges::all_of(passing, has_words));

// Of no error of the server's own: a SIGNAL's.
constexpr std::string_view signalled = "45000";

bool is_client_side(unsigned number) {
  return number >= 2000 && number < 3000;
}

// 1290 names any option that stands in the way; only read_only ends by itself.
bool is_read_only(const server_error& error) {
  return error.number == 1290 && (error.text.find("read-only") != std::string::npos ||
                                  error.text.find("read_only") != std::string::npos);
}

// The operating system's number, in either server's words, but not one of a file's name:
//   Error writing file '/tmp/MYfd=27' (OS errno 28 - No space left on device)
//   Error writing file '/tmp/#sql/fd=55' (Errcode: 28 "No space left on device")
bool names_os_error(std::string_view text, std::string_view number) {
  const auto is_digit = [&](std::size_t at) {
    return at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0;
  };
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\'') quoted = !quoted;
    if (!quoted && text.substr(at).starts_with(number) && !is_digit(at - 1) && !is_digit(at + number.size()))
      return true;
  }
  return false;
}

// To the storage engines 122 is an error of their own, "internal (unspecified)".
bool is_disk_full(const server_error& error) {
  if (!is_one_of(error.number, failing_to_write)) return false;
  return names_os_error(error.text, "28") || (error.number != 1030 && names_os_error(error.text, "122"));
}

} // namespace

error_class classify(const server_error& error) {
  if (error.sql_state == signalled) return error_class::refused; // whatever number the trigger chose
  if (is_one_of(error.number, lost) || is_client_side(error.number)) return error_class::connection_lost;
  if (is_one_of(error.number, refusing) || is_read_only(error)) return error_class::not_now;
  if (is_one_of(error.number, withholding) || is_disk_full(error)) return error_class::withheld;
  if (is_one_of(error.number, passing)) return error_class::transient;
  return error_class::refused;
}

bool is_in_servers_words(const server_error& error) {
  return !has_words(error.number) || std::ranges::any_of(usual, [&](const own_words& one) {
    return one.number == error.number && boost::algorithm::icontains(error.text, one.words);
  });
}

void throw_exception_from_error(const server_error& error, const boost::source_location& where) {
  boost::throw_exception(std::runtime_error(std::to_string(error.number) + ": " + error.text), where);
}

} // namespace holdwater::spool
