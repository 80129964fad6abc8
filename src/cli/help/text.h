// SPDX-License-Identifier: Apache-2.0
// A verb's table as the text of its --help.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/help/table.h"

namespace supermachine::cli {

// 80 columns wide; ends with a line break.
std::string help_text(const VerbHelp& help);

// That on standard output; the exit status of who was asked for it.
int print_help(const VerbHelp& help);

// "-m, --memory SIZE", without indent.
std::string option_label(const Option& option);
// "-m", "--memory" and, if `also`, the names that are not shown.
std::vector<std::string> option_names(const Option& option, bool also = true);

// Lines of at most `width` columns, longer where one word is.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

}  // namespace supermachine::cli
