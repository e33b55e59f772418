// Prometheus's text format, version 0.0.4.
//
// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include "admin/control.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace holdwater::admin {

inline constexpr const char* prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

// Adds one series to a histogram: `counts` has one number for each bound, and one for what is past them all.
void add_series(counter& to, const std::vector<std::pair<std::string, std::string>>& labels,
                std::span<const double> bounds, std::span<const std::uint64_t> counts, double sum);

// A family without samples is left out; of two with one name the first counts.
[[nodiscard]] std::string prometheus_text(const std::vector<counter>& families);

// Puts a service's families to those that are there; its samples get its name as a label, unless it has none.
void add_service(std::vector<counter>& to, const std::string& name, std::vector<counter> families);

// What /health/ tells, as metrics: holdwater_database_up, holdwater_spool_pending and so on.
[[nodiscard]] std::vector<counter> health_metrics(const health& of);
// Those of them that are the process's, of whichever service's health.
[[nodiscard]] std::vector<counter> process_metrics(const health& of);

} // namespace holdwater::admin
