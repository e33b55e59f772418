// The ? in the text of a prepared statement.
//
// Source: MySQL "PREPARE Statement": a parameter marker is a ? outside of quotes, where a value may stand.
#pragma once

#include "protocol/sql/analysis.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdwater::protocol::sql {

[[nodiscard]] std::size_t count_placeholders(std::string_view text, const dialect& how);

// The names of the user variables in EXECUTE name [USING @a, @b], as written, without the @; nothing when it
// has other expressions. Precondition: an EXECUTE.
[[nodiscard]] std::optional<std::vector<std::string_view>> execute_arguments(std::string_view text,
                                                                             const dialect& how);

// The text with the nth ? replaced by the nth value's SQL text, blanks around it. Precondition: there are as
// many values as placeholders.
[[nodiscard]] std::string fill_placeholders(std::string_view text, const dialect& how,
                                            const std::vector<std::string>& values);

} // namespace holdwater::protocol::sql
