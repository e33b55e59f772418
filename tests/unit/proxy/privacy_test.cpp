#include "proxy/privacy.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace holdwater::proxy;

namespace {

struct folder {
  std::string path = std::filesystem::temp_directory_path() / ("privacy-" + std::to_string(::getpid()));
  folder() { std::filesystem::create_directories(path); }
  ~folder() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("the memory is nobody else's, unless core dumps are wanted, and files are private") {
  const auto mask = ::umask(0);
  const int before = ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  keep_others_out(true);
  CHECK(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == before);
  keep_others_out(false);
  CHECK(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
  CHECK(::umask(mask) == 0077);
  ::prctl(PR_SET_DUMPABLE, before, 0, 0, 0); // a sanitizer looks for leaks with it
}

TEST_CASE("the environment's passwords are written over, and nothing else") {
  char password[] = "MYSQL_PASSWORD=secret";
  char also[] = "HOLDWATER_SERVER_PASSWORD=secret";
  char user[] = "MYSQL_USER=app";
  char odd[] = "no equals sign";
  char* variables[] = {password, user, also, odd, nullptr};
  forget_passwords(variables);
  CHECK(std::string(password) == "MYSQL_PASSWORD=");
  CHECK(password[15] == 0);
  CHECK(password[20] == 0);
  CHECK(std::string(also) == "HOLDWATER_SERVER_PASSWORD=");
  CHECK(std::string(user) == "MYSQL_USER=app");
  CHECK(std::string(odd) == "no equals sign");
  forget_passwords(nullptr);
}

TEST_CASE("a directory that others could exchange files in is noticed") {
  const folder mine;
  ::chmod(mine.path.c_str(), 0750);
  CHECK(trouble_with_owner(mine.path).empty());
  ::chmod(mine.path.c_str(), 0777);
  CHECK(trouble_with_owner(mine.path).starts_with("everyone may write"));
  CHECK_FALSE(trouble_with_owner(mine.path + "/nothing").empty());
  if (::geteuid() == 0 && ::chown(mine.path.c_str(), 12345, 12345) == 0)
    CHECK(trouble_with_owner(mine.path).starts_with("it belongs to another user"));
}
