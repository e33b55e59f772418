#include "admin/prometheus.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace holdwater::admin;

TEST_CASE("families have help, type, labels and escapes as the format wants them") {
  const std::vector<counter> families{
      {"a_total", "Counts \\ and\nlines.", false, {{{{"user", "o\"b\\r\nx\xff"}, {"k", ""}}, 3}, {{}, 0.5}}},
      {"b", "A \"gauge\".", true, {{{}, -1}}},
      {"none", "Without samples.", true, {}},
      {"b", "A second b.", true, {{{}, 9}}},
  };
  CHECK(prometheus_text(families) == "# HELP a_total Counts \\\\ and\\nlines.\n"
                                     "# TYPE a_total counter\n"
                                     "a_total{user=\"o\\\"b\\\\r\\nx\\\\xff\",k=\"\"} 3\n"
                                     "a_total 0.5\n"
                                     "# HELP b A \"gauge\".\n"
                                     "# TYPE b gauge\n"
                                     "b -1\n");
}

TEST_CASE("numbers past all numbers have their words") {
  using limits = std::numeric_limits<double>;
  const std::vector<counter> families{
      {"n",
       "N.",
       true,
       {{{}, limits::infinity()}, {{}, -limits::infinity()}, {{}, limits::quiet_NaN()}, {{}, 1e15}}}};
  CHECK(prometheus_text(families) ==
        "# HELP n N.\n# TYPE n gauge\nn +Inf\nn -Inf\nn NaN\nn 1000000000000000\n");
}

TEST_CASE("the state that holds is 1 and every other 0") {
  health now;
  now.status = "degraded";
  now.database.state = "draining";
  now.spool.state = "accepting";
  now.spool.pending = 12;
  const auto text = prometheus_text(health_metrics(now));
  for (const char* line :
       {"holdwater_status{state=\"ok\"} 0\n", "holdwater_status{state=\"degraded\"} 1\n",
        "holdwater_database_state{state=\"draining\"} 1\n", "holdwater_database_state{state=\"up\"} 0\n",
        "holdwater_spool_state{state=\"accepting\"} 1\n", "\nholdwater_spool_pending 12\n",
        "# TYPE holdwater_cache_hits_total counter\n"}) {
    CAPTURE(line);
    CHECK(text.find(line) != text.npos);
  }
}
