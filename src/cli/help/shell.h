// SPDX-License-Identifier: Apache-2.0
// What the completions for all shells have in common.
#pragma once

#include <string>
#include <string_view>

#include "cli/help/table.h"

namespace supermachine::cli {

// How the scripts call a kind of value: a word of small letters.
const char* kind_name(Value value);

// Whether the word behind the option is its value.
bool takes_next_word(const Option& option);

// The first clause of an option's text, on one line.
std::string short_text(const Option& option);

// Behind how many arguments by position the guest's command begins; SIZE_MAX where there is none.
std::size_t command_place(const VerbHelp& help);

// `text` with a backslash before each character of `special`.
std::string escaped(std::string_view text, std::string_view special);

// A function for bash and zsh: "_supermachine_list PROGRAM KIND" prints values, one a line.
std::string list_function();

}  // namespace supermachine::cli
