// What the port told, in words: what is said of each state, and why.
#include "proxy/cli/show.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace holdwater::proxy::cli;
namespace json = boost::json;

namespace {

struct told {
  std::string state = "up";
  bool reads_go_on = false;
  std::string spool = "accepting";
  std::string last_error = "connect: refused (2002)";
  std::string why;
  bool replica = false;
  bool cached = true;
};

std::string status_of(const told& what) {
  json::array replicas;
  if (what.replica) replicas.push_back(json::object{{"address", "r:1"}, {"state", "usable"}});
  return show_status(json::object{{"status", "degraded"},
                                  {"database", json::object{{"state", what.state},
                                                            {"since", "then"},
                                                            {"address", "db:3306"},
                                                            {"reads_go_on", what.reads_go_on},
                                                            {"last_error", what.last_error},
                                                            {"why", what.why},
                                                            {"replicas", replicas}}},
                                  {"spool", json::object{{"state", what.spool}, {"pending", 1}}},
                                  {"cache", json::object{{"enabled", what.cached}}}});
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

} // namespace

TEST_CASE("a server that takes no writes and answers reads is not called down") {
  const told read_only{.state = "down", .reads_go_on = true, .last_error = "the server is read-only (1290)"};
  const auto text = status_of(read_only);
  CHECK(text.starts_with("degraded: the server takes no writes; reads go on, writes are queued\n"));
  CHECK(says(text, "  because   the server is read-only (1290)\n"));
  CHECK(says(text, "applied when the server takes writes again"));
  auto refusing = read_only;
  refusing.spool = "refusing";
  CHECK(says(status_of(refusing), ": the server takes no writes; reads go on, writes are refused\n"));
  auto plain = read_only;
  plain.spool = "off";
  CHECK(says(status_of(plain), ": the server takes no writes; reads go on, writes get errors\n"));
  auto checked = read_only;
  checked.state = "suspect";
  CHECK(says(status_of(checked), ": the server takes no writes, and is being checked; reads go on\n"));
  CHECK(says(
      show_progress(json::object{{"database", json::object{{"state", "down"}, {"reads_go_on", true}}}}, 1),
      "(the server takes no writes)"));
}

TEST_CASE("a server that is down is called so, with what becomes of reads and writes") {
  told down{.state = "down"};
  CHECK(says(status_of(down), ": the server is down; writes are queued, reads get what is cached\n"));
  CHECK(says(status_of(down), "  because   connect: refused (2002)\n"));
  down.cached = false;
  CHECK(says(status_of(down), ": the server is down; writes are queued, reads of tables fail\n"));
  down.replica = true;
  CHECK(says(status_of(down), ": the server is down; writes are queued, a replica answers reads\n"));
  down.spool = "refusing";
  CHECK(says(status_of(down), ": the server is down, and writes are refused\n"));
  down.spool = "off";
  CHECK(says(status_of(down), ": the server is down; clients get errors\n"));
}

TEST_CASE("what was met before the server came back is no reason of the present state") {
  const auto draining = status_of({.state = "draining"});
  CHECK(says(draining, ": the server is back; queued writes are being applied\n"));
  CHECK(!says(draining, "because"));
  const auto halted = status_of({.state = "halted", .why = "the ledger's row is gone"});
  CHECK(says(halted, "  because   the ledger's row is gone\n"));
  CHECK(!says(status_of({.state = "up"}), "because"));
}
