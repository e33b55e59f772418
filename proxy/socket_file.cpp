#include "proxy/socket_file.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>

namespace holdwater::proxy {

namespace asio = boost::asio;
using boost::system::error_code;

error_code socket_file::make_room() const {
  struct stat found {};
  if (::lstat(path_.c_str(), &found) != 0)
    return errno == ENOENT ? error_code() : error_code(errno, boost::system::system_category());
  if (!S_ISSOCK(found.st_mode))
    return boost::system::errc::make_error_code(boost::system::errc::not_a_socket);
  asio::io_context loop;
  asio::local::stream_protocol::socket knocking(loop);
  error_code answer;
  knocking.connect(asio::local::stream_protocol::endpoint(path_), answer);
  if (answer != asio::error::connection_refused)
    return answer && answer != asio::error::try_again ? answer : asio::error::address_in_use;
  if (::unlink(path_.c_str()) != 0) return {errno, boost::system::system_category()};
  return {};
}

void socket_file::own() {
  struct stat made {};
  if (::lstat(path_.c_str(), &made) != 0) return;
  device_ = made.st_dev;
  inode_ = made.st_ino;
}

void socket_file::remove() {
  struct stat found {};
  if (inode_ != 0 && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_)
    ::unlink(path_.c_str());
  inode_ = 0;
}

} // namespace holdwater::proxy
