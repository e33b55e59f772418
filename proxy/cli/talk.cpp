#include "proxy/cli/talk.hpp"

#include "proxy/cli/show.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace holdwater::proxy::cli {

namespace {

int print_error = 0; // errno of the first that failed

} // namespace

void print(const std::string& text) {
  const bool taken =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!taken && print_error == 0) print_error = errno;
}

std::string print_fault() {
  return print_error == 0 ? std::string()
                          : "standard output: " + std::generic_category().message(print_error);
}

void complain(const std::string& text) {
  fmt::print(stderr, "holdwater: {}\n", text);
}

int code_of_refusal(unsigned status) {
  if (status == 404) return exit_usage; // a service or a page that is not there
  return status == 401 || status == 403 || status == 429 ? exit_not_allowed : 1;
}

std::optional<boost::json::value> read_answer(const answer& told, int& code) {
  boost::system::error_code failed;
  auto value = boost::json::parse(told.body, failed);
  if (told.status == 0 || failed) {
    complain(told.status == 0 ? told.body : "this is no Holdwater: " + told.body.substr(0, 200));
    code = told.is_too_large ? 1 : exit_unreachable;
    return std::nullopt;
  }
  const auto error = text_at(value, "error");
  if (error.empty()) return value;
  complain(error);
  code = code_of_refusal(told.status);
  return std::nullopt;
}

std::optional<boost::json::value> read_answer(const target& where, const std::string& method,
                                              const std::string& path, int& code,
                                              std::chrono::milliseconds patience) {
  return read_answer(ask(where, method, path, patience), code);
}

int act(const arguments& given, const target& where, const std::string& path,
        const std::function<std::string(const boost::json::value& report)>& well) {
  int code = exit_ok;
  const auto report = read_answer(where, "POST", path, code, std::chrono::minutes(11));
  if (!report) return code;
  const bool done = is_true(at(*report, "done"));
  if (given.json)
    print(boost::json::serialize(*report) + "\n");
  else if (done)
    print(well(*report));
  else
    complain(text_at(*report, "reason"));
  return done ? exit_ok : 1;
}

} // namespace holdwater::proxy::cli
