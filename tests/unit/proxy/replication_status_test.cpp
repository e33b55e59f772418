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

// Of one channel, whose seconds are not known.
replication_status unknown(bool mariadb, const cell& receiver, const cell& error, const cell& read,
                           const cell& applied, const cell& file = "bin.1",
                           const cell& applied_file = "bin.1") {
  spool::query_answer out;
  std::vector<cell> row;
  const auto put = [&](const char* name, const char* older, const cell& value) {
    spool::answer_column column;
    column.name = mariadb ? older : name;
    out.columns.push_back(column);
    row.push_back(value);
  };
  put("Replica_IO_Running", "Slave_IO_Running", receiver);
  put("Replica_SQL_Running", "Slave_SQL_Running", "Yes");
  put("Last_IO_Errno", "Last_IO_Errno", error);
  put("Seconds_Behind_Source", "Seconds_Behind_Master", {});
  put("Read_Source_Log_Pos", "Read_Master_Log_Pos", read);
  put("Exec_Source_Log_Pos", "Exec_Master_Log_Pos", applied);
  put("Source_Log_File", "Master_Log_File", file);
  put("Relay_Source_Log_File", "Relay_Master_Log_File", applied_file);
  out.rows.push_back(row);
  return read_replication_status(out);
}

} // namespace

TEST_CASE("a replica whose source is away is fit when it has applied all that it has") {
  for (const bool mariadb : {false, true}) {
    CHECK(!unknown(mariadb, "Connecting", "2003", "500", "500").lags_unseen);
    CHECK(!unknown(mariadb, "Connecting", "2003", "500", "500").receiver_stopped);
    CHECK(unknown(mariadb, "Connecting", "2003", "500", "400").lags_unseen);
    CHECK(unknown(mariadb, "Connecting", "2003", "500", "500", "bin.2").lags_unseen);
    CHECK(!unknown(mariadb, "No", "2003", "500", "500").receiver_stopped); // it has given up
    CHECK(unknown(mariadb, "No", "0", "500", "500").receiver_stopped);
    CHECK(unknown(mariadb, "No", "1236", "500", "500").receiver_stopped);
    CHECK(unknown(mariadb, "No", {}, "500", "500").receiver_stopped);
  }
}

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
