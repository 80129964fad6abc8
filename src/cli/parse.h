// CLI11 behind Result: it reports errors by throwing, which ends here.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/verbs.h"

namespace supermachine::cli {

// kInvalidArgument, with a hint where help is to be found, for what `app` does not take. `verb` is
// for that hint.
Status parse(CLI::App& app, Args args, const std::string& verb);

// The error of a wrong use: "MESSAGE; see 'supermachine VERB --help'".
Error usage_error(const std::string& message, const std::string& verb);

}  // namespace supermachine::cli
