// SPDX-License-Identifier: Apache-2.0
// CLI11 behind Result: it reports errors by throwing, which ends here.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>

#include "cli/verbs.h"

namespace supermachine::cli {

// kInvalidArgument for what `app` does not take.
Status parse(CLI::App& app, Args args);

// The error of a wrong use.
Error usage_error(std::string message);

// Adds to such an error where help is to be found: "MESSAGE; see 'supermachine VERB --help'".
Error with_hint(Error error, const std::string& verb);
template <typename T>
Result<T> with_hint(Result<T> result, const std::string& verb) {
  if (result.ok()) return result;
  return with_hint(std::move(result).error(), verb);
}

}  // namespace supermachine::cli
