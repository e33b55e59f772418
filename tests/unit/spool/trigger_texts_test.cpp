#include "spool/trigger_texts.hpp"

#include <doctest/doctest.h>

namespace holdwater::spool {
namespace {

bool lasts(const char* text, const std::vector<result_row>& tables,
           const std::vector<result_row>& texts = {}) {
  return may_last(text, words_that_last(tables, texts));
}

TEST_CASE("a trigger's text is searched for the names of tables without transactions") {
  for (const auto* text : {"INSERT INTO log VALUES (NEW.id)", "insert into `LOG`(id) values(1)",
                           "BEGIN DELETE FROM app.log; END", "UPDATE t, log SET a = 1"})
    CHECK_MESSAGE(lasts(text, {{"Log"}}), text);
  for (const auto* text : {"INSERT INTO logs VALUES (1)", "INSERT INTO log_2 VALUES (1)", "SET NEW.blog = 1",
                           "INSERT INTO log\xc3\xa9 VALUES (1)"})
    CHECK_FALSE_MESSAGE(lasts(text, {{"log"}}), text);
  CHECK(lasts("INSERT INTO `my log` VALUES (1)", {{"my log"}}));
  CHECK(lasts("INSERT INTO caf\xc3\xa9 VALUES (1)", {{"caf\xc3\xa9"}}));
}

TEST_CASE("what its text names is followed: functions, views, and tables with triggers of their own") {
  const std::vector<result_row> texts{{"note", "BEGIN INSERT INTO log VALUES (1); RETURN 1; END"},
                                      {"shown", "select id from log"},
                                      {"totals", "SET @x = NOTE()"},
                                      {"hidden", std::nullopt},
                                      {"also_hidden", ""},
                                      {"harmless", "RETURN 5"}};
  for (const auto* text : {"SET @x = app.note(1)", "INSERT INTO shown VALUES (1)", "UPDATE totals SET n = 1",
                           "SET NEW.a = hidden()", "SET NEW.a = also_hidden()", "CALL unheard_of()"})
    CHECK_MESSAGE(lasts(text, {{"log"}}, texts), text);
  CHECK_FALSE(lasts("SET NEW.a = harmless()", {{"log"}}, texts));
  CHECK(may_last(std::nullopt, words_that_last({{"log"}}, {})));
}

TEST_CASE("a column of the row is no table, unless a schema is called like the row") {
  for (const auto* text : {"SET NEW.log = TRIM(OLD . `log`)", "INSERT INTO t VALUES (new.log)"})
    CHECK_FALSE_MESSAGE(lasts(text, {{"log", std::nullopt, "app"}}), text);
  for (const auto* text : {"SET NEW.id = (SELECT MAX(id) FROM log)", "UPDATE log SET log = 1",
                           "INSERT INTO `shop-old`.`log` VALUES (1)",
                           "INSERT INTO `shop new` . log VALUES (1)", "INSERT INTO `old`.log VALUES (1)",
                           "INSERT INTO # as old.\nlog VALUES (1)", "INSERT INTO `log:2024` VALUES (1)"})
    CHECK_MESSAGE(lasts(text, {{"log", std::nullopt, "app"}}), text);
  CHECK(lasts("INSERT INTO old.log VALUES (1)", {{"log", std::nullopt, "OLD"}}));
  CHECK(lasts("SET @x = new.note()", {{"log"}}, {{"note", "INSERT INTO log VALUES (1)", "new"}}));
}

TEST_CASE("a table whose name has no word in it is found as it stands") {
  CHECK(lasts("INSERT INTO `-` VALUES (1)", {{"-"}}));
  CHECK_FALSE(lasts("INSERT INTO t VALUES (1)", {{"-"}}));
}

TEST_CASE("of a table is told what it is, what its triggers say, and what a view is of") {
  CHECK_FALSE(told_of_table({}).transactional);
  CHECK_FALSE(told_of_table({{std::nullopt, std::nullopt}}).transactional);
  const auto lasting = told_of_table({{"NO", std::nullopt}, {"trigger", "SET @x = 1"}});
  CHECK_FALSE(lasting.transactional);
  CHECK(lasting.triggers.size() == 1);
  const auto both_see =
      told_of_table({{"view", std::nullopt}, {"is of", ""}, {"view", std::nullopt}, {"is of", "select"}});
  CHECK(both_see.view == std::optional<std::string>("select"));
  const auto hidden = told_of_table({{"view", std::nullopt}});
  REQUIRE(hidden.view);
  CHECK_FALSE(*hidden.view);
  CHECK_FALSE(told_of_table({{"YES", std::nullopt}}).view);
  CHECK(told_of_table({{"YES", std::nullopt}, {"versions", std::nullopt}}).counts_transactions);
  CHECK(look_up_table({"a'b", "c"}).find("a'b") == std::string::npos);
}

TEST_CASE("a view's text names the tables that it is of") {
  using names = std::vector<table_name>;
  const auto of = [](const char* text) { return tables_of_view(text).value_or(names()); };
  CHECK(of("select `d`.`m`.`n` AS `n`,`d`.`m`.`from` AS `k` from `d`.`m`") == names{{"d", "m"}});
  CHECK(of("select `x`.`n` AS `n` from `d`.`m` `x` where (`x`.`n` <> 'from `d`.`z`')") == names{{"d", "m"}});
  CHECK(of("select `a`.`n` AS `n` from (`d`.`a` left join (`e`.`b``c` join `f`.`g`) on((`a`.`n` = "
           "`f`.`n`)))") == names{{"d", "a"}, {"e", "b`c"}, {"f", "g"}});
  CHECK(of("select 'it''s \\' from `d`.`x`' AS `n` from `d`.`m` straight_join `d`.`k`") ==
        names{{"d", "m"}, {"d", "k"}});
  CHECK(of("with `c` as (select `d`.`m`.`n` AS `n` from `d`.`m`) select `c`.`n` AS `n` from `c`") ==
        names{{"d", "m"}, {"", "c"}});
  CHECK(
      of("select extract(year from `x`.`d`) AS `y`,trim(both ' ' from `x`.`s`) AS `s` from (`d`.`m` `x` join "
         "`d`.`k`)") == names{{"d", "m"}, {"d", "k"}});
  CHECK(of("select trim((select `d`.`k`.`s` from `d`.`k`)) AS `s` from `d`.`m`") ==
        names{{"d", "k"}, {"d", "m"}});
  for (const auto* text : {"", "select 1 AS `1`", "select `n from `d`.`m", "select 'a from `d`.`m`"})
    CHECK_FALSE_MESSAGE(tables_of_view(text), text);
  CHECK_FALSE(tables_of_view(std::nullopt));
}

TEST_CASE("what a view calls may lead to a table without transactions") {
  const auto words = words_that_last({{"log"}}, {{"note", "INSERT INTO log VALUES (1)"}});
  CHECK(may_last_by_call("select `d`.`NOTE`(`d`.`t`.`id`) AS `n` from `d`.`t`", words));
  CHECK_FALSE(may_last_by_call("select `d`.`t`.`note` AS `log` from `d`.`t`", words));
}

TEST_CASE("an error in the server's own words is told from one that a trigger has made") {
  CHECK(is_in_servers_words({1205, "HY000", "Lock wait timeout exceeded; try restarting transaction"}));
  CHECK(
      is_in_servers_words({1213, "40001", "WSREP detected deadlock/conflict and aborted the transaction."}));
  for (const auto* text : {"WSREP has not yet prepared node for application use", "Unknown command"})
    CHECK(is_in_servers_words({1047, "08S01", text}));
  for (const unsigned number : {1205U, 1047U, 3101U, 1820U})
    CHECK_FALSE(is_in_servers_words({number, "HY000", "no room for SECRET"}));
  CHECK(is_in_servers_words({1062, "23000", "Duplicate entry '1' for key 'PRIMARY'"}));
}

TEST_CASE("where every table has transactions no text matters") {
  CHECK_FALSE(lasts("CALL anything()", {}));
  CHECK_FALSE(may_last(std::nullopt, words_that_last({}, {})));
}

} // namespace
} // namespace holdwater::spool
