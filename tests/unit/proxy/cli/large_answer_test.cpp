// What is said of an answer that is larger than what is taken.
#include "proxy/cli/arguments.hpp"
#include "tests/unit/proxy/cli/command.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <thread>

using namespace holdwater::proxy::cli;
using namespace holdwater::proxy::cli::testing;
namespace asio = boost::asio;
using asio::ip::tcp;

TEST_CASE("an answer that is too large is told from none") {
  asio::io_context io;
  tcp::acceptor port(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const std::jthread server([&] {
    auto client = port.accept();
    std::string asked;
    asio::read_until(client, asio::dynamic_buffer(asked), "\r\n\r\n");
    asio::write(client, asio::buffer(std::string("HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n{")));
    boost::system::error_code ended;
    asio::read(client, asio::dynamic_buffer(asked), ended);
  });
  const auto place = fmt::format("http://127.0.0.1:{}", port.local_endpoint().port());
  const auto told = run_command({"spool", "export", "--admin", place});
  CHECK(told.code == 1);
  CHECK(told.said.empty());
  CHECK(told.complained.find("is too large: more than 256 MiB") != std::string::npos);
}
