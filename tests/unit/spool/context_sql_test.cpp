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
