// A statement's parameters as libmysqlclient binds them.
//
// Source: MySQL C API "C API Prepared Statement Data Structures"; "Binary Protocol Value",
// "COM_STMT_EXECUTE".
#pragma once

#include "spool/unit.hpp"

#include <mysql.h>

#include <cstdint>
#include <string>
#include <vector>

namespace holdwater::spool {

// COM_STMT_EXECUTE without its command byte, with the types of all values. Each can_be_bound(), none of them
// is sent ahead as long data.
[[nodiscard]] std::string execution(std::uint32_t statement_id, const std::vector<parameter>& values);

// Invariant: binds() points into this object and the parameters, which must outlive it.
class bound_parameters {
 public:
  explicit bound_parameters(const std::vector<parameter>& values);
  bound_parameters(const bound_parameters&) = delete;
  bound_parameters& operator=(const bound_parameters&) = delete;

  // False: a value's type is not known, or its bytes do not fit it. Nothing may be bound then.
  [[nodiscard]] bool sound() const { return sound_; }
  [[nodiscard]] MYSQL_BIND* binds() { return binds_.data(); }

 private:
  std::vector<MYSQL_BIND> binds_;
  std::vector<MYSQL_TIME> times_;
  bool sound_ = true;
};

} // namespace holdwater::spool
