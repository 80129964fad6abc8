// SPDX-License-Identifier: Apache-2.0
// How the options that several verbs have in common are written. Each part declares its own, and
// reads them once the arguments are parsed; it must not move in between.
#pragma once

#include <string>
#include <vector>

#include "cli/parse.h"
#include "cli/shared_options.h"

namespace supermachine::cli {

class EngineArgument {
 public:
  void declare(Parser& parser);
  [[nodiscard]] Result<Engine> read(const Parser& parser) const;

 private:
  std::string engine_;
};

// Those of them that the verb takes.
class MachineArguments {
 public:
  void declare(Parser& parser, MachineOptions& options);
  Status read(const Parser& parser, MachineOptions& options) const;

 private:
  std::string memory_;
  std::string vcpus_;
  std::string boot_timeout_;
  std::string restore_timeout_;
  EngineArgument engine_;
};

// Those of them that the verb takes. Reads files named by --env-file and, for variables without a
// value, our own environment.
class CommandArguments {
 public:
  void declare(Parser& parser, CommandOptions& options);
  Status read(const Parser& parser, CommandOptions& options) const;

  // The variables alone.
  void declare_environment(Parser& parser);
  Status read_environment(CommandOptions& options) const;

 private:
  std::vector<std::string> env_;
  std::vector<std::string> env_files_;
  std::string entrypoint_;
  std::string timeout_;
};

}  // namespace supermachine::cli
