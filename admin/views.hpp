// What `control` tells, as JSON. The names are the product's interface.
#pragma once

#include "admin/control.hpp"
#include "admin/process.hpp"

#include <boost/json/value.hpp>

namespace holdwater::admin {

[[nodiscard]] boost::json::value view(const health& of);
[[nodiscard]] boost::json::value view(const database_health& of);
[[nodiscard]] boost::json::value view(const spool_health& of);
[[nodiscard]] boost::json::value view(const cache_health& of);
[[nodiscard]] boost::json::value view(const pool_health& of);
// Without `values` only what the log may say of statements and errors.
[[nodiscard]] boost::json::value view(const spool_listing& of, bool values);
[[nodiscard]] boost::json::value view(const dead_listing& of, bool values);
[[nodiscard]] boost::json::value view(const past& of);
[[nodiscard]] boost::json::value view(const session_listing& of);
[[nodiscard]] boost::json::value view(const spool_export& of);
[[nodiscard]] boost::json::value view(const std::vector<listed_option>& of);
[[nodiscard]] boost::json::value view(const reload_report& of);
[[nodiscard]] boost::json::value view(const action_report& of);
[[nodiscard]] boost::json::value view(const import_report& of);
[[nodiscard]] boost::json::value view(const std::vector<service_entry>& of);

} // namespace holdwater::admin
