// The packets that the scripts are written in, by name.
#pragma once

#include "protocol/command.hpp"
#include "protocol/handshake.hpp"
#include "protocol/messages.hpp"
#include "tests/scripted/peer.hpp"

#include <string>
#include <string_view>

namespace holdwater::proxy::test {

// What the fake server offers, and what the fake client asks for.
[[nodiscard]] protocol::capabilities server_capabilities();
[[nodiscard]] protocol::capabilities client_capabilities();

[[nodiscard]] protocol::greeting server_greeting(std::string_view auth_plugin);

// --- payloads
[[nodiscard]] protocol::byte_buffer bytes(std::string_view text);
[[nodiscard]] protocol::byte_buffer command(protocol::command which, std::string_view argument = {});
[[nodiscard]] protocol::byte_buffer query(std::string_view text);
[[nodiscard]] protocol::byte_buffer ok(std::uint16_t status = protocol::server_status::autocommit,
                                       std::uint64_t affected_rows = 0);
// An OK with what the server tells of the session, which the proxy's connections ask for.
[[nodiscard]] protocol::byte_buffer telling_ok(std::string_view block,
                                               std::uint16_t status = protocol::server_status::autocommit,
                                               std::uint8_t first_byte = 0x00);
[[nodiscard]] std::string told_database(std::string_view name);
[[nodiscard]] std::string told_variable(std::string_view name, std::string_view value);
[[nodiscard]] protocol::byte_buffer err(std::uint16_t number, std::string_view sql_state,
                                        std::string_view text);
[[nodiscard]] protocol::byte_buffer end_of_rows(); // an OK with the first byte fe

// A whole answer: one text column "a" and its rows, in the DEPRECATE_EOF form. Sequence ids begin at 1.
[[nodiscard]] protocol::byte_buffer result_set(const std::vector<std::string>& rows);
// Its packets up to the last row, without the end.
[[nodiscard]] protocol::byte_buffer unfinished_result_set(const std::vector<std::string>& rows);

// Fails unless the packet is an ERR with that number and SQLSTATE. Returns its text.
std::string expect_err(const packet& got, std::uint16_t number, std::string_view sql_state);
// Fails unless the packet is an OK. Returns its status flags.
std::uint16_t expect_ok(const packet& got);

} // namespace holdwater::proxy::test
