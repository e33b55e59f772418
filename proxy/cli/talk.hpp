// What all commands do alike: print, complain, and make an exit code of what the port answers.
#pragma once

#include "proxy/cli/http.hpp"

#include <boost/json/value.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace holdwater::proxy::cli {

void print(const std::string& text);
void complain(const std::string& text); // a line on stderr

// Of an answer that is an error, by its HTTP status.
[[nodiscard]] int code_of_refusal(unsigned status);

// The answer as JSON; nothing when there is none, and then why has been said and `code` is set.
[[nodiscard]] std::optional<boost::json::value> read_answer(const answer& told, int& code);
[[nodiscard]] std::optional<boost::json::value>
read_answer(const target& where, const std::string& method, const std::string& path, int& code,
            std::chrono::milliseconds patience = std::chrono::seconds(30));

} // namespace holdwater::proxy::cli
