#include "spool/error.hpp"

#include <boost/throw_exception.hpp>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace holdwater::spool {
namespace {

class category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "holdwater.spool"; }
  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
    case errc::closed: return "the spool is closed";
    case errc::full: return "the spool is full";
    case errc::disk_full: return "no room left on the disk";
    case errc::io: return "disk input/output error";
    case errc::corrupt: return "the spool file is corrupt";
    case errc::locked: return "the spool is in use by another process";
    case errc::not_durable: return "the spool cannot be made durable";
    case errc::not_found: return "no such unit";
    case errc::wrong_version: return "the spool file has an unknown version";
    case errc::wrong_key: return "a key of the data is missing, or is none";
    case errc::unconfirmed: return "a restored spool takes no write yet";
    case errc::in_doubt: return "the disk failed in the middle of a commit, whose outcome is not known";
    }
    return "unknown spool error";
  }
};

} // namespace

const boost::system::error_category& error_category() noexcept {
  static const category instance;
  return instance;
}

boost::system::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

failure system_failure(const std::string& doing) {
  return {errno == ENOSPC || errno == EDQUOT ? errc::disk_full : errc::io,
          doing + ": " + std::strerror(errno)};
}

void throw_exception_from_error(const failure& error, const boost::source_location& where) {
  boost::throw_exception(std::runtime_error(error.context), where);
}

} // namespace holdwater::spool
