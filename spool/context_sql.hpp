// The SET statements that give a connection the session state a statement was written under.
//
// Invariant: the texts are ASCII and hold values only as hex literals, so they mean the same under every
// character_set_client and sql_mode that an earlier statement may have left behind.
#pragma once

#include "spool/unit.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdwater::spool {

// _utf8mb4 x'...'; without a character set the bytes are only bytes: x'...'.
[[nodiscard]] std::string hex_literal(std::string_view bytes, std::string_view character_set = "utf8mb4");
// `...`, as it is read under that character_set_client: a character's second byte may look like a backtick.
[[nodiscard]] std::string quoted_name(std::string_view name, std::string_view character_set = {});

// One SET for all that differs from `current` (nothing known: for all of it), the time and the insert id.
[[nodiscard]] std::string set_context(const std::optional<statement_context>& current,
                                      const statement& wanted);
// To be sent after it, in the statement's own charset; empty when there are none.
[[nodiscard]] std::string set_user_variables(const statement& wanted);
// Bytes of the largest packet that the statement itself takes, or a little more.
[[nodiscard]] std::uint64_t largest_packet(const statement& what);
// Empty when the isolation is not known.
[[nodiscard]] std::string set_isolation(std::string_view isolation);

} // namespace holdwater::spool
