#include "tests/sim/sql_text.hpp"

#include <algorithm>
#include <cctype>

namespace holdwater::sim {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

class cutter {
 public:
  explicit cutter(std::string_view text) : text_(text) {}

  std::vector<piece> run() {
    while (at_ < text_.size()) next();
    all_.push_back({});
    return std::move(all_);
  }

 private:
  void next() {
    const char c = text_[at_];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at_;
    } else if (text_.substr(at_, 4) == "/*M!") {
      at_ += 4;
      while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    } else if (text_.substr(at_, 2) == "*/") {
      at_ += 2;
    } else if (text_.substr(at_, 2) == "/*") {
      const auto end = text_.find("*/", at_);
      at_ = end == std::string_view::npos ? text_.size() : end + 2;
    } else if (c == '\'' || c == '"' || c == '`') {
      auto value = quoted(c);
      all_.push_back({c == '`' ? piece::kind::word : piece::kind::text, std::move(value)});
    } else if ((c == 'x' || c == 'X') && text_.substr(at_ + 1, 1) == "'") {
      ++at_;
      all_.push_back({piece::kind::text, from_hex(quoted('\''))});
    } else if (text_.substr(at_, 2) == "@@") {
      at_ += 2;
      auto name = word();
      if (text_.substr(at_, 1) == "." && (name == "session" || name == "global" || name == "local")) {
        ++at_;
        name = word();
      }
      all_.push_back({piece::kind::system_variable, std::move(name)});
    } else if (c == '@') {
      ++at_;
      auto name = text_.substr(at_, 1) == "`" ? quoted('`') : word();
      all_.push_back({piece::kind::user_variable, std::move(name)});
    } else if (text_.substr(at_, 2) == "0x") {
      at_ += 2;
      all_.push_back({piece::kind::text, from_hex(word())});
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      const auto from = at_;
      while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.')) ++at_;
      all_.push_back({piece::kind::number, std::string(text_.substr(from, at_ - from))});
    } else if (is_word(c)) {
      auto value = word();
      const auto rest = text_.substr(at_);
      const bool introduces =
          value.front() == '_' && !all_.empty() && (rest.find('\'') < 4 || rest.starts_with(" 0x"));
      if (!introduces) all_.push_back({piece::kind::word, std::move(value)});
    } else {
      all_.push_back({piece::kind::mark, std::string(1, c)});
      ++at_;
    }
  }

  std::string word() {
    std::string value;
    while (at_ < text_.size() && is_word(text_[at_]))
      value.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(text_[at_++]))));
    return value;
  }

  std::string quoted(char quote) {
    std::string value;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\' && quote != '`' && at_ + 1 < text_.size()) {
        value.push_back(text_[++at_]);
      } else if (text_[at_] == quote) {
        if (text_.substr(at_ + 1, 1) != std::string_view(&quote, 1)) break;
        value.push_back(text_[++at_]);
      } else {
        value.push_back(text_[at_]);
      }
    }
    ++at_;
    return value;
  }

  static std::string from_hex(const std::string& digits) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
      bytes.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<piece> all_;
};

} // namespace

std::vector<piece> pieces_of(std::string_view statement) {
  return cutter(statement).run();
}

std::vector<piece> with_values(std::vector<piece> statement, const std::vector<piece>& values) {
  auto next = values.begin();
  for (auto& one : statement)
    if (one.is("?") && next != values.end()) one = *next++;
  return statement;
}

namespace {

bool is_tag(std::string_view text) {
  const auto dot = text.find('.');
  return dot != std::string_view::npos && dot > 0 && dot + 1 < text.size() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

} // namespace

std::string tag_in(const std::vector<piece>& all) {
  for (const auto& one : all)
    if (one.what == piece::kind::text && is_tag(one.value)) return one.value;
  return {};
}

std::string digest_of(const std::vector<piece>& all) {
  std::string digest;
  for (const auto& one : all) {
    constexpr std::string_view kinds = "wtnmus.";
    digest.push_back(kinds[static_cast<std::size_t>(one.what)]);
    digest += one.value + ' ';
  }
  return digest;
}

std::size_t find_word(const std::vector<piece>& all, std::string_view word, std::size_t from) {
  for (auto at = from; at < all.size(); ++at)
    if (all[at].is(word)) return at;
  return all.size();
}

std::uint64_t last_number(const std::vector<piece>& all) {
  for (auto at = all.rbegin(); at != all.rend(); ++at)
    if (at->what == piece::kind::number) return std::stoull(at->value);
  return 0;
}

moment moment_in(const std::string& seconds) {
  const auto dot = seconds.find('.');
  auto fraction = dot == std::string::npos ? std::string() : seconds.substr(dot + 1);
  fraction.resize(6, '0');
  return std::stoll(seconds.substr(0, dot)) * second + std::stoll(fraction) * microsecond;
}

} // namespace holdwater::sim
