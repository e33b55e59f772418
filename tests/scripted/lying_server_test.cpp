// A server that lies, or is none: its clients are told or hung up on, nobody gets what is another's, and the
// worker goes on.
#include "tests/scripted/stage.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using namespace holdwater::proxy::test;
namespace cap = protocol::cap;

namespace {

protocol::byte_buffer framed(std::uint8_t sequence, std::string_view payload) {
  protocol::byte_buffer out;
  protocol::append_message(out, sequence, bytes(payload));
  return out;
}

// Nobody watches the server here: the script says that it was found to be there.
void find_server_again(stage& here) {
  here.wait_for(server_state::suspect);
  here.publish(server_state::up);
}

// A client whose account only the server knows, up to the server's first question.
stage::pair relay(stage& here) {
  stage::pair ends;
  ends.client = here.connect();
  here.greet(ends.client, "stranger", "her secret");
  ends.server = here.accept();
  ends.server.read_packet();
  return ends;
}

} // namespace

TEST_CASE("greetings that are none, or are cut anywhere, are answered with an error") {
  stage here;
  protocol::byte_buffer whole;
  protocol::append_greeting(whole, 0, server_greeting("mysql_native_password"));
  const std::string payload(whole.begin() + protocol::packet_header_size, whole.end());
  std::vector<std::string> lies{"", "\x09" + payload.substr(1), std::string(60000, '\x0a'),
                                "\x0a" + std::string(300, 'v')};
  for (std::size_t cut = 1; cut < payload.size() - 44; cut += 3) lies.push_back(payload.substr(0, cut));
  for (const auto& lie : lies) {
    CAPTURE(lie.size());
    auto client = here.connect();
    here.greet(client, "stranger", "unused");
    auto server = here.accept_silently();
    server.send_packet(0, bytes(lie));
    expect_err(client.read_packet(), 3032, "HY000");
    client.expect_closed();
    find_server_again(here);
  }
  here.log_in();
}

TEST_CASE("a greeting that announces more than any has is not waited for") {
  stage here;
  auto client = here.connect();
  here.greet(client, "stranger", "unused");
  auto server = here.accept_silently();
  server.send(bytes(std::string_view("\xff\xff\xff\x00", 4)));
  server.expect_closed();
  expect_err(client.read_packet(), 3032, "HY000");
}

TEST_CASE("an answer that no server gives ends that connection, and its write is in doubt") {
  stage here;
  const std::vector<std::string> lies{
      std::string("\xfe\x00\x00\x00\x00\x00\x00\x00", 8),                 // a column count that is cut
      std::string("\x00\x01", 2),                                         // an OK that is
      std::string("\x00\xfe\xff\xff\xff\xff\xff\xff\xff\xff", 10),        // ... in its second number
      std::string("\xff\x01", 2),                                         // an ERR
      std::string(),                                                      // nothing at all
      std::string("\xfc", 1),                                             // no columns
      std::string("\x00\x00\x00\x02\x40\x00\x00\x00\xfd\xff\xff\xff", 12) // changes longer than the packet
  };
  for (const auto& lie : lies) {
    CAPTURE(lie.size());
    here.tell_clients();
    auto ends = here.log_in();
    ends.client.send_packet(0, query("UPDATE t SET a = 1"));
    ends.server.expect(0, query("UPDATE t SET a = 1"));
    ends.server.send(framed(1, lie));
    expect_err(ends.client.read_packet(), 2013, "08007");
    ends.server.expect_closed();
    find_server_again(here);
  }
}

TEST_CASE("a result of 2^63 columns passes as it comes, and ends with its client") {
  stage here;
  auto ends = here.log_in();
  const auto head = framed(1, std::string_view("\xfe\x00\x00\x00\x00\x00\x00\x00\x80", 9));
  ends.client.send_packet(0, query("SELECT 1"));
  ends.server.expect(0, query("SELECT 1"));
  ends.server.send(head);
  ends.client.expect_bytes(head);
  const auto column = framed(2, "def");
  for (int sent = 0; sent < 100; ++sent) {
    ends.server.send(column);
    ends.client.expect_bytes(column);
  }
  ends.client.close();
  ends.server.expect_closed();
}

TEST_CASE("what a server says behind the end of its answer is no answer to the next statement") {
  stage here;
  auto ends = here.log_in();
  const auto answer = framed(1, std::string_view("\x00\x00\x00\x02\x00\x00\x00", 7));
  auto more = answer;
  more.insert(more.end(), answer.begin(), answer.end());
  ends.client.send_packet(0, query("UPDATE t SET a = 1"));
  ends.server.expect(0, query("UPDATE t SET a = 1"));
  ends.server.send(more);
  ends.client.expect_bytes(answer);
  ends.client.send_packet(0, query("UPDATE t SET a = 2"));
  ends.server.expect_closed(); // and did not get the second one
  ends.server = here.accept();
  here.serve_login(ends.server);
  ends.server.expect(0, query("UPDATE t SET a = 2"));
  ends.server.send(answer);
  ends.client.expect_bytes(answer);
}

TEST_CASE(
    "a server that closes each connection before it answers is given up, and its reads are not repeated "
    "for ever") {
  stage here;
  auto ends = here.log_in();
  ends.client.send_packet(0, query("SELECT a FROM t"));
  for (int lost = 1;; ++lost) {
    REQUIRE(lost <= 11);
    ends.server.expect(0, query("SELECT a FROM t"));
    ends.server.close();
    find_server_again(here);
    if (lost == 11) break;
    ends.server = here.accept();
    here.serve_login(ends.server);
  }
  expect_err(ends.client.read_packet(), 3032, "HY000");
  CHECK_FALSE(here.anyone_waits());
}

TEST_CASE("a file that the statement does not load is not asked of the client") {
  stage here;
  const auto request = framed(1, "\xfb/etc/passwd");
  SUBCASE("in answer to a read") {
    auto ends = here.log_in();
    for (int lost = 1; lost <= 11; ++lost) {
      if (lost > 1) {
        ends.server = here.accept();
        here.serve_login(ends.server);
      } else {
        ends.client.send_packet(0, query("SELECT 1"));
      }
      ends.server.expect(0, query("SELECT 1"));
      ends.server.send(request);
      ends.server.expect_closed();
      find_server_again(here);
    }
    expect_err(ends.client.read_packet(), 3032, "HY000");
  }
  SUBCASE("in answer to a write") {
    auto ends = here.log_in();
    ends.client.send_packet(0, query("UPDATE t SET a = 1"));
    ends.server.expect(0, query("UPDATE t SET a = 1"));
    ends.server.send(request);
    expect_err(ends.client.read_packet(), 2013, "08007");
    ends.server.expect_closed();
  }
  SUBCASE("nor of one that gives none away") {
    here.keep_files();
    auto ends = here.log_in();
    const auto load = query("LOAD DATA LOCAL INFILE 'f' INTO TABLE t");
    ends.client.send_packet(0, load);
    ends.server.expect(0, load);
    ends.server.send(request);
    expect_err(ends.client.read_packet(), 2013, "08007");
    ends.server.expect_closed();
  }
}

TEST_CASE(
    "a clear password is not asked of a client for a server without TLS, however the server spells it") {
  stage here;
  auto ends = relay(here);
  SUBCASE("as it should") {
    ends.server.send(framed(2, std::string_view("\xfemysql_clear_password\0", 22)));
    expect_err(ends.client.read_packet(), 3159, "HY000");
  }
  SUBCASE("as a further factor") {
    ends.server.send(framed(2, std::string_view("\x02mysql_clear_password\0", 22)));
    expect_err(ends.client.read_packet(), 3159, "HY000");
  }
  SUBCASE("without the end of its name") {
    ends.server.send(framed(2, "\xfemysql_clear_password"));
    expect_err(ends.client.read_packet(), 1043, "08S01");
  }
  ends.client.expect_closed();
  ends.server.expect_closed();
}

TEST_CASE("a login of which the server never says the end, ends with the time that a login has") {
  stage here("mysql_native_password", std::chrono::seconds(2));
  auto ends = relay(here);
  std::uint8_t sequence = 2;
  int rounds = 0;
  while (ends.server.try_send_packet(sequence, bytes("\x01more"))) {
    const auto asked = ends.client.read_packet_or_end();
    if (!asked) break;
    if (!ends.client.try_send_packet(static_cast<std::uint8_t>(asked->sequence + 1), bytes("and more")))
      break;
    const auto answered = ends.server.read_packet_or_end();
    if (!answered) break;
    sequence = static_cast<std::uint8_t>(answered->sequence + 1);
    ++rounds;
  }
  CHECK(rounds > 1);
  CHECK_FALSE(here.anyone_waits());
}
