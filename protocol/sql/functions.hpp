// What a name before a parenthesis, or a bare CURRENT_TIMESTAMP, and a @@variable mean for the statement.
//
// Invariant: a call that is not of a known built-in of this product is noted as an unknown function.
#pragma once

#include "protocol/sql/reader.hpp"

namespace holdwater::protocol::sql {

void note_call(reader& in);            // at a word, '(' is ahead
void note_bare_word(reader& in);       // at a word, no '(' is ahead
void read_user_variable(reader& in);   // at @x: notes it and goes behind it
void read_system_variable(reader& in); // at @@x: likewise, with its .y

} // namespace holdwater::protocol::sql
