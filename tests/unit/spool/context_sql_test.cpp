// Names and values in the SQL that is made here, under the character sets whose second bytes look like ASCII.
#include "spool/context_sql.hpp"

#include <doctest/doctest.h>

using namespace holdwater::spool;

TEST_CASE("a backtick in a name is doubled") {
  CHECK(quoted_name("plain") == "`plain`");
  CHECK(quoted_name("a`b") == "`a``b`");
  CHECK(quoted_name("") == "``");
}

TEST_CASE("a character whose second byte looks like a backtick is left whole in its character set") {
  struct {
    const char* character_set;
    const char* name; // a character with the second byte 0x60
  } const each[] = {{"gbk", "\x81\x60"},
                    {"gb18030", "\x81\x60"},
                    {"big5", "\xa4\x60"},
                    {"sjis", "\x83\x60"},
                    {"cp932", "\x83\x60"}};
  for (const auto& [character_set, name] : each) {
    CAPTURE(character_set);
    CHECK(quoted_name(name, character_set) == "`" + std::string(name) + "`");
    // behind it a backtick is one again
    CHECK(quoted_name(std::string(name) + "`", character_set) == "`" + std::string(name) + "```");
    // a first byte at the end takes nothing with it
    CHECK(quoted_name(std::string(name, 1), character_set) == "`" + std::string(name, 1) + "`");
  }
  CHECK(quoted_name("\x83\x60", "utf8mb4") == "`\x83\x60\x60`");
  CHECK(quoted_name("\xb1\x60", "sjis") == "`\xb1\x60\x60`"); // a katakana of one byte
}

TEST_CASE("a value is never part of the SQL's text") {
  CHECK(hex_literal("a'b\\", "utf8mb4") == "_utf8mb4 x'6127625c'");
  statement wanted;
  wanted.context.sql_mode = "'; DROP TABLE t; --";
  const auto text = set_context(std::nullopt, wanted);
  CHECK(text.find("DROP") == std::string::npos);
}

TEST_CASE("the SET of a statement's user variables is one of its packets") {
  statement one;
  one.text = "DELETE FROM t";
  CHECK(largest_packet(one) == one.text.size() + 1);
  one.user_variables.push_back({"name", std::string(1000, '1')});
  CHECK(largest_packet(one) >= set_user_variables(one).size() + 1);
}

TEST_CASE("settings are set where they differ, and as in a fresh session where the next statement has none") {
  statement first, second;
  first.context.settings = {{"block_encryption_mode", "aes-256-cbc"}, {"div_precision_increment", "12"}};
  second.context.settings = {{"div_precision_increment", "8"}};
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != text.npos; };
  const auto fresh = set_context(std::nullopt, first);
  CHECK(has(fresh, ", block_encryption_mode = _utf8mb4 x'6165732d3235362d636263'"));
  CHECK(has(fresh, ", div_precision_increment = 12"));
  CHECK(set_context(first.context, first) == "SET timestamp = DEFAULT");
  CHECK(set_context(first.context, second) ==
        "SET block_encryption_mode = DEFAULT, div_precision_increment = 8, timestamp = DEFAULT");
  CHECK(set_settings(second.context.settings, {}) == "SET div_precision_increment = DEFAULT");
  CHECK(set_settings({}, {}).empty());
  CHECK_FALSE(has(set_context(std::nullopt, {}), "div_precision"));
}

TEST_CASE("a setting's value is never part of the SQL's text unless it is a number") {
  CHECK(set_settings({}, {{"max_sort_length", "64, sql_log_bin = 0"}}).find("sql_log_bin") ==
        std::string::npos);
  CHECK(set_settings({}, {{"default_regex_flags", ""}}) == "SET default_regex_flags = _utf8mb4 x''");
}

TEST_CASE("settings are kept by name, each once, and a name alone takes its own away") {
  std::vector<session_setting> all;
  put_setting(all, "max_sort_length", "64");
  put_setting(all, "div_precision_increment", "8");
  put_setting(all, "max_sort_length", "100");
  CHECK(all == std::vector<session_setting>{{"div_precision_increment", "8"}, {"max_sort_length", "100"}});
  put_setting(all, "div_precision_increment", std::nullopt);
  put_setting(all, "old_passwords", std::nullopt);
  CHECK(all == std::vector<session_setting>{{"max_sort_length", "100"}});
  CHECK(is_carried_setting("max_sort_length"));
  CHECK_FALSE(is_carried_setting("sql_log_bin"));
}
