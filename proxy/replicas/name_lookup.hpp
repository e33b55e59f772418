// Whether a name is known, asked with an end: a resolver that hangs keeps nobody. libmysqlclient looks a name
// up by itself, for as long as the resolver takes, and nothing interrupts that; so it is asked here first, on
// a thread that nobody waits for, and there is one such thread at a time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace holdwater::proxy {

class name_lookup {
 public:
  using resolver = std::function<void(const std::string& host)>;

  explicit name_lookup(std::string host, resolver how = ask_the_system);

  // False: it has not answered in time, or cancel() was called. An answer may be that there is no such name.
  [[nodiscard]] bool answers_within(std::chrono::milliseconds limit);
  void cancel(); // any thread; for good

 private:
  static void ask_the_system(const std::string& host);

  struct question;
  const std::string host_;
  const resolver how_;
  const std::shared_ptr<question> asked_;
};

} // namespace holdwater::proxy
