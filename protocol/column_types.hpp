// The types of values and columns on the wire, and a column's flags.
//
// Source: MySQL "field_types.h File Reference", "Column Definition Flags".
#pragma once

#include <cstdint>

namespace holdwater::protocol {

namespace wire {
inline constexpr std::uint8_t type_decimal = 0, type_tiny = 1, type_short = 2, type_long = 3, type_float = 4,
                              type_double = 5, type_longlong = 8, type_int24 = 9, type_date = 10,
                              type_datetime = 12, type_year = 13, type_varchar = 15, type_newdecimal = 246,
                              type_blob = 252, type_var_string = 253, type_string = 254;
inline constexpr std::uint16_t flag_not_null = 1, flag_unsigned = 32, flag_zerofill = 64;
} // namespace wire

} // namespace holdwater::protocol
