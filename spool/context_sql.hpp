// The SET statements that give a connection the session state a statement was written under.
//
// Invariant: the texts are ASCII and hold values only as numbers and hex literals, so they mean the same
// under every character_set_client and sql_mode that an earlier statement may have left behind.
#pragma once

#include "spool/unit.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::spool {

// _utf8mb4 x'...'; without a character set the bytes are only bytes: x'...'.
[[nodiscard]] std::string hex_literal(std::string_view bytes, std::string_view character_set = "utf8mb4");
// `...`, as it is read under that character_set_client: a character's second byte may look like a backtick.
[[nodiscard]] std::string quoted_name(std::string_view name, std::string_view character_set = {});

// One SET for all that differs from `current` (nothing known: for all of it, settings as in a fresh session
// taken to be there), the time and the insert id.
[[nodiscard]] std::string set_context(const std::optional<statement_context>& current,
                                      const statement& wanted);
// Of the settings alone, from one statement's to another's; empty when nothing differs.
[[nodiscard]] std::string set_settings(const std::vector<session_setting>& from,
                                       const std::vector<session_setting>& to);
// Whether units carry that system variable (name in lower case) beside the ones that every context has.
[[nodiscard]] bool is_carried_setting(std::string_view name);
// In its place, instead of the one of that name; without a value that one only goes.
void put_setting(std::vector<session_setting>& settings, std::string_view name,
                 std::optional<std::string> value);
// To be sent after it, in the statement's own charset; empty when there are none.
[[nodiscard]] std::string set_user_variables(const statement& wanted);
// Bytes of the largest packet that the statement itself takes, or a little more.
[[nodiscard]] std::uint64_t largest_packet(const statement& what);
// Empty when the isolation is not known.
[[nodiscard]] std::string set_isolation(std::string_view isolation);

} // namespace holdwater::spool
