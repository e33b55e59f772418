// All who are told of events: the program of hook.command, the address of hook.url. None: nothing is done.
#pragma once

#include "proxy/config/options.hpp"
#include "proxy/hook/event_sender.hpp"

#include <memory>
#include <string>
#include <vector>

namespace holdwater::proxy {

class hooks {
 public:
  // `common`: what every event says besides, as names and values (the server, the queue). Returns what is
  // wrong with the settings, empty when nothing is.
  [[nodiscard]] std::string open(const options::hook_options& settings,
                                 std::vector<std::pair<std::string, std::string>> common = {});

  [[nodiscard]] bool any() const { return !senders_.empty(); }
  void start();
  void stop();
  void tell(hook_event what); // from any thread; never waits
  [[nodiscard]] const std::vector<std::unique_ptr<event_sender>>& senders() const { return senders_; }

 private:
  std::vector<std::pair<std::string, std::string>> common_;
  std::vector<std::unique_ptr<event_sender>> senders_;
};

} // namespace holdwater::proxy
