// The errors of this folder.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <string>

namespace holdwater::spool {

enum class errc {
  closed = 1,    // the spool was shut down
  full,          // spool.max_bytes or spool.max_age is reached
  disk_full,     // the file system has no room
  io,            // the disk refused a read, a write or a sync
  corrupt,       // the file is not a sound spool
  locked,        // another process has it open
  not_durable,   // SQLite did not accept WAL or synchronous=FULL
  not_found,     // no unit with that seq in that state
  wrong_version, // the file was written by a newer version
  wrong_key,     // a key of data at rest is missing, or is none
  unconfirmed,   // restored from a backup, and the server's ledger was not read yet
  in_doubt,      // the disk failed in the middle of the commit: a restart may find the unit, or not
};

[[nodiscard]] const boost::system::error_category& error_category() noexcept;
[[nodiscard]] boost::system::error_code make_error_code(errc code) noexcept;

// An error with what we were doing when it happened, for people.
struct failure {
  boost::system::error_code code;
  std::string context; // e.g. "committing 12 units to <path>: disk I/O error"
};

// Of a system call that has just failed: errno says why.
[[nodiscard]] failure system_failure(const std::string& doing);

template <class T>
using result = boost::system::result<T, failure>;

// boost::system::result needs this to turn .value() on a failure into an exception; nobody calls .value()
// unchecked.
[[noreturn]] void throw_exception_from_error(const failure& error, const boost::source_location& where);

} // namespace holdwater::spool

template <>
struct boost::system::is_error_code_enum<holdwater::spool::errc> : std::true_type {};
