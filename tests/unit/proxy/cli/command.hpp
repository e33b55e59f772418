// A command as a shell runs it, and a place for its files.
#pragma once

#include "proxy/cli/run.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace holdwater::proxy::cli::testing {

struct outcome {
  int code = 0;
  std::string said;
  std::string complained;
};

// A stream's descriptor, into a file meanwhile.
class captured {
 public:
  explicit captured(std::FILE* stream)
      : stream_(stream), file_(std::tmpfile()), before_(::dup(::fileno(stream))) {
    std::fflush(stream);
    ::dup2(::fileno(file_), ::fileno(stream));
  }
  ~captured() {
    if (before_ >= 0) static_cast<void>(end());
  }
  captured(const captured&) = delete;
  captured& operator=(const captured&) = delete;

  std::string end() {
    std::fflush(stream_);
    ::dup2(before_, ::fileno(stream_));
    ::close(std::exchange(before_, -1));
    std::string out;
    std::rewind(file_);
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_)) out += static_cast<char>(c);
    std::fclose(file_);
    return out;
  }

 private:
  std::FILE* stream_;
  std::FILE* file_;
  int before_;
};

inline outcome run_command(std::vector<std::string> words, const environment& variables = {}) {
  words.insert(words.begin(), "holdwater");
  std::vector<const char*> given;
  given.reserve(words.size());
  for (const auto& one : words) given.push_back(one.c_str());
  captured out(stdout), err(stderr);
  const int code = run(static_cast<int>(given.size()), given.data(), variables);
  auto said = out.end();
  return {code, std::move(said), err.end()};
}

struct temporary_folder {
  std::filesystem::path path;

  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "holdwater_cli.XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~temporary_folder() { std::filesystem::remove_all(path); }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  [[nodiscard]] std::string file(const char* name) const { return (path / name).string(); }
};

} // namespace holdwater::proxy::cli::testing
