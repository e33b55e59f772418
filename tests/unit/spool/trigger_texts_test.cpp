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

TEST_CASE("of a table is told what it is, what its triggers say, and what a view is of") {
  CHECK_FALSE(told_of_table({}).transactional);
  CHECK_FALSE(told_of_table({{std::nullopt, std::nullopt}}).transactional);
  CHECK_FALSE(told_of_table({{"NO", std::nullopt}, {"text", "SET @x = 1"}}).transactional);
  const auto view =
      told_of_table({{"YES", std::nullopt}, {"text", "select id from t"}, {"text", std::nullopt}});
  CHECK(view.transactional);
  CHECK(view.texts.size() == 2);
  CHECK_FALSE(view.counts_transactions);
  CHECK(told_of_table({{"YES", std::nullopt}, {"versions", std::nullopt}}).counts_transactions);
  CHECK(look_up_table({"a'b", "c"}).find("a'b") == std::string::npos);
}

TEST_CASE("where every table has transactions no text matters") {
  CHECK_FALSE(lasts("CALL anything()", {}));
  CHECK_FALSE(may_last(std::nullopt, words_that_last({}, {})));
}

} // namespace
} // namespace holdwater::spool
