// A folder for one test's files, removed at its end.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include <stdlib.h>

namespace holdwater::proxy::test {

class scratch_folder {
 public:
  scratch_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "hw-ids-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~scratch_folder() {
    std::error_code unimportant; // a folder left in /tmp disturbs no other test
    std::filesystem::remove_all(path_, unimportant);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;

  [[nodiscard]] std::string file(const char* name = "ids.db") const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

} // namespace holdwater::proxy::test
