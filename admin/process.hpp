// What the HTTP port shows and does of the process as a whole, whose services have a `control` each.
#pragma once

#include "admin/control.hpp"

#include <string>
#include <vector>

namespace holdwater::admin {

struct service_entry {
  std::string name;                // empty: the only one, of a process that is one service
  std::vector<std::string> listen; // where its clients connect
  control* on = nullptr;
};

// Implemented by the program; for the thread that serves the port.
class process {
 public:
  virtual ~process() = default;

  // At least one. They stay, in their order, for as long as the port is open.
  [[nodiscard]] virtual const std::vector<service_entry>& services() const = 0;
  // What is counted once, whatever the number of services.
  [[nodiscard]] virtual std::vector<counter> metrics() const = 0;
  // Of services with names: the options that are the process's.
  [[nodiscard]] virtual std::vector<listed_option> configuration() const = 0;
  virtual reload_report reload() = 0;

  // Somebody at that address had no token, or a wrong one, for that many times lately.
  virtual void note_refused(const std::string& address, unsigned times) = 0;

  // They have names, even if there is only one of them.
  [[nodiscard]] bool has_names() const { return !services().front().name.empty(); }
};

} // namespace holdwater::admin
