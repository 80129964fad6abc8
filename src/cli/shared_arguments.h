// SPDX-License-Identifier: Apache-2.0
// How the options that several verbs have in common are written. Each part declares its own, and
// reads them once the arguments are parsed; it must not move in between.
#pragma once

#include <string>
#include <vector>

#include "cli/parse.h"
#include "cli/shared_options.h"

namespace supermachine::cli {

// Of an option that is given several times, the last one counts.
template <typename Value>
void add_single(CLI::App& app, const std::string& name, Value& value) {
  app.add_option(name, value)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

class EngineArgument {
 public:
  void declare(CLI::App& app);
  [[nodiscard]] Result<Engine> read(const CLI::App& app) const;

 private:
  std::string engine_;
};

// Of an option that is given several times, each counts.
void add_each(CLI::App& app, const std::string& name, std::vector<std::string>& values);

class MachineArguments {
 public:
  void declare(CLI::App& app, MachineOptions& options);
  Status read(const CLI::App& app, MachineOptions& options) const;

 private:
  std::string memory_;
  std::string vcpus_;
  std::string boot_timeout_;
  std::string restore_timeout_;
  EngineArgument engine_;
};

// Reads files named by --env-file and, for variables without a value, our own environment.
class CommandArguments {
 public:
  void declare(CLI::App& app, CommandOptions& options);
  Status read(const CLI::App& app, CommandOptions& options) const;

  // The variables alone.
  void declare_environment(CLI::App& app);
  Status read_environment(CommandOptions& options) const;

 private:
  std::vector<std::string> env_;
  std::vector<std::string> env_files_;
  std::string entrypoint_;
  std::string timeout_;
};

// What is left over when `app` has taken what it knows: the command, perhaps behind a "--"; or an
// option that nobody knows, which is an error.
Result<std::vector<std::string>> command_of(const CLI::App& app);

}  // namespace supermachine::cli
