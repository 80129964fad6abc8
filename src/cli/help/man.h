// SPDX-License-Identifier: Apache-2.0
// The verbs' tables as manual pages, in the language of man(7). The same tables make the same
// bytes.
#pragma once

#include <string>
#include <string_view>

#include "cli/verb_table.h"

namespace supermachine::cli {

// supermachine-VERB.1
std::string verb_page(const Verb& verb, std::string_view version);
// supermachine.1
std::string program_page(std::string_view version);

// `text` as it is, whatever it contains.
std::string roff(std::string_view text);

}  // namespace supermachine::cli
