// SPDX-License-Identifier: Apache-2.0
#include "cli/shared_arguments.h"

#include "cli/values.h"

namespace supermachine::cli {
namespace {

Result<Engine> parse_engine(const std::string& text) {
  if (text == "auto") return Engine::kAuto;
  if (text == "kvm") return Engine::kKvm;
  if (text == "lab") return Engine::kLab;
  return usage_error("--engine is auto, kvm or lab, not '" + text + "'");
}

}  // namespace

void EngineArgument::declare(Parser& parser) {
  // The first one wins: the hand-over to the lab puts its own in front.
  parser.first_value("--engine", engine_);
}

Result<Engine> EngineArgument::read(const Parser& parser) const {
  if (!parser.given("--engine")) return Engine::kAuto;
  return parse_engine(engine_);
}

void MachineArguments::declare(Parser& parser, MachineOptions& options) {
  parser.value("--memory", memory_);
  parser.value("--vcpus", vcpus_);
  parser.value("--boot-timeout", boot_timeout_);
  if (parser.takes("--hostname")) parser.value("--hostname", options.hostname);
  if (parser.takes("--restore-timeout")) parser.value("--restore-timeout", restore_timeout_);
  parser.flag("--quiet", options.quiet);
  engine_.declare(parser);
}

Status MachineArguments::read(const Parser& parser, MachineOptions& options) const {
  if (parser.given("--memory")) options.memory_mib = SM_TRY(parse_memory_mib(memory_));
  if (parser.given("--vcpus")) options.vcpus = SM_TRY(parse_vcpus(vcpus_));
  if (parser.given("--boot-timeout")) {
    options.boot_timeout = SM_TRY(parse_seconds("--boot-timeout", boot_timeout_));
  }
  if (parser.given("--restore-timeout")) {
    options.restore_timeout = SM_TRY(parse_seconds("--restore-timeout", restore_timeout_));
  }
  options.engine = SM_TRY(engine_.read(parser));
  return {};
}

void CommandArguments::declare_environment(Parser& parser) {
  parser.values("--env", env_);
  parser.values("--env-file", env_files_);
}

void CommandArguments::declare(Parser& parser, CommandOptions& options) {
  declare_environment(parser);
  parser.value("--workdir", options.workdir);
  parser.value("--user", options.user);
  if (parser.takes("--entrypoint")) parser.value("--entrypoint", entrypoint_);
  parser.value("--timeout", timeout_);
}

Status CommandArguments::read_environment(CommandOptions& options) const {
  for (const std::string& path : env_files_) {
    for (Variable& variable : SM_TRY(read_env_file(path))) {
      options.env.push_back(std::move(variable));
    }
  }
  for (const std::string& text : env_) {
    if (auto variable = SM_TRY(parse_variable(text))) options.env.push_back(*std::move(variable));
  }
  return {};
}

Status CommandArguments::read(const Parser& parser, CommandOptions& options) const {
  options.command = SM_TRY(parser.command());
  SM_TRY(read_environment(options));
  if (parser.given("--entrypoint")) options.entrypoint = entrypoint_;
  if (parser.given("--timeout")) options.timeout = SM_TRY(parse_seconds("--timeout", timeout_));
  if (!options.workdir.empty() && options.workdir[0] != '/') {
    return usage_error("--workdir must begin with /, '" + options.workdir + "' does not");
  }
  return {};
}

}  // namespace supermachine::cli
