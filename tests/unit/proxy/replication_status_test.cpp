// What SHOW REPLICA STATUS says, in the words of either server.
#include "proxy/replicas/replica.hpp"

#include <doctest/doctest.h>

using namespace holdwater;
using namespace holdwater::proxy;
using std::chrono::seconds;

namespace {

using cell = std::optional<std::string>;

spool::query_answer status(bool mariadb, std::vector<std::pair<cell, cell>> channels) {
  spool::query_answer out;
  for (const char* name : {mariadb ? "Slave_SQL_Running" : "Replica_SQL_Running", "Other",
                           mariadb ? "Seconds_Behind_Master" : "Seconds_Behind_Source"}) {
    spool::answer_column column;
    column.name = name;
    out.columns.push_back(column);
  }
  for (auto& [running, behind] : channels) out.rows.push_back({running, "x", behind});
  return out;
}

} // namespace

TEST_CASE("a replica is as far behind as the channel that is furthest") {
  for (const bool mariadb : {false, true}) {
    CHECK(read_replication_status(status(mariadb, {{"Yes", "0"}})).behind == seconds(0));
    CHECK(read_replication_status(status(mariadb, {{"Yes", "3"}, {"Yes", "70"}, {"Yes", "4"}})).behind ==
          seconds(70));
    CHECK(!read_replication_status(status(mariadb, {{"Yes", "3"}})).applier_stopped);
  }
}

TEST_CASE("what a replica does not know is not said") {
  CHECK(!read_replication_status(status(true, {})).behind);
  CHECK(!read_replication_status(status(true, {{"Yes", {}}})).behind);
  CHECK(!read_replication_status(status(true, {{"Yes", "3"}, {"Yes", {}}})).behind);
  CHECK(!read_replication_status(status(true, {{"Yes", "soon"}})).behind);
}

TEST_CASE("an applier that is stopped is told") {
  for (const bool mariadb : {false, true}) {
    CHECK(read_replication_status(status(mariadb, {{"No", {}}})).applier_stopped);
    CHECK(read_replication_status(status(mariadb, {{"Yes", "1"}, {"No", {}}})).applier_stopped);
    CHECK(!read_replication_status(status(mariadb, {})).applier_stopped);
  }
}

TEST_CASE("a refused login tells of the account or of the replica") {
  for (const unsigned number : {1044U, 1045U, 1049U, 1698U, 1862U, 3118U, 3159U, 4151U})
    CHECK(is_about_account({number, "", ""}));
  for (const unsigned number : {1040U, 1053U, 1129U, 1130U, 1203U, 2002U, 2013U})
    CHECK(!is_about_account({number, "", ""}));
}
