// What all commands do alike: print, complain, and make an exit code of what the port answers.
#pragma once

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/http.hpp"

#include <boost/json/value.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace holdwater::proxy::cli {

void print(const std::string& text);
// What kept something from being printed, empty when nothing did.
[[nodiscard]] std::string print_fault();
void complain(const std::string& text); // a line on stderr

// Of an answer that is an error, by its HTTP status.
[[nodiscard]] int code_of_refusal(unsigned status);

// The answer as JSON; nothing when there is none, and then why has been said and `code` is set.
[[nodiscard]] std::optional<boost::json::value> read_answer(const answer& told, int& code);
[[nodiscard]] std::optional<boost::json::value>
read_answer(const target& where, const std::string& method, const std::string& path, int& code,
            std::chrono::milliseconds patience = std::chrono::seconds(30));

// POSTs, and gives the exit code. Of a report that it is done `well` makes what is printed; another's reason
// is said.
[[nodiscard]] int act(const arguments& given, const target& where, const std::string& path,
                      const std::function<std::string(const boost::json::value& report)>& well);

} // namespace holdwater::proxy::cli
