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

void add_each(CLI::App& app, const std::string& name, std::vector<std::string>& values) {
  app.add_option(name, values)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

void EngineArgument::declare(CLI::App& app) {
  // The first one wins: the hand-over to the lab puts its own in front.
  app.add_option("--engine", engine_)->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst);
}

Result<Engine> EngineArgument::read(const CLI::App& app) const {
  if (app.count("--engine") == 0) return Engine::kAuto;
  return parse_engine(engine_);
}

void MachineArguments::declare(CLI::App& app, MachineOptions& options) {
  add_single(app, "-m,--memory", memory_);
  add_single(app, "--vcpus,--cpus", vcpus_);
  add_single(app, "--hostname", options.hostname);
  add_single(app, "--boot-timeout", boot_timeout_);
  add_single(app, "--restore-timeout", restore_timeout_);
  app.add_flag("-q,--quiet", options.quiet);
  engine_.declare(app);
}

Status MachineArguments::read(const CLI::App& app, MachineOptions& options) const {
  if (app.count("--memory") != 0) options.memory_mib = SM_TRY(parse_memory_mib(memory_));
  if (app.count("--vcpus") != 0) options.vcpus = SM_TRY(parse_vcpus(vcpus_));
  if (app.count("--boot-timeout") != 0) {
    options.boot_timeout = SM_TRY(parse_seconds("--boot-timeout", boot_timeout_));
  }
  if (app.count("--restore-timeout") != 0) {
    options.restore_timeout = SM_TRY(parse_seconds("--restore-timeout", restore_timeout_));
  }
  options.engine = SM_TRY(engine_.read(app));
  return {};
}

void CommandArguments::declare_environment(CLI::App& app) {
  add_each(app, "-e,--env", env_);
  add_each(app, "--env-file", env_files_);
}

void CommandArguments::declare(CLI::App& app, CommandOptions& options) {
  declare_environment(app);
  add_single(app, "-w,--workdir", options.workdir);
  add_single(app, "-u,--user", options.user);
  add_single(app, "--entrypoint", entrypoint_);
  add_single(app, "--timeout", timeout_);
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

Status CommandArguments::read(const CLI::App& app, CommandOptions& options) const {
  options.command = SM_TRY(command_of(app));
  SM_TRY(read_environment(options));
  if (app.count("--entrypoint") != 0) options.entrypoint = entrypoint_;
  if (app.count("--timeout") != 0) options.timeout = SM_TRY(parse_seconds("--timeout", timeout_));
  if (!options.workdir.empty() && options.workdir[0] != '/') {
    return usage_error("--workdir must begin with /, '" + options.workdir + "' does not");
  }
  return {};
}

Result<std::vector<std::string>> command_of(const CLI::App& app) {
  std::vector<std::string> rest = app.remaining();
  if (rest.empty()) return rest;
  if (rest[0] == "--") {
    rest.erase(rest.begin());
  } else if (rest[0].size() > 1 && rest[0][0] == '-') {
    return usage_error("unknown option " + rest[0].substr(0, rest[0].find('=')));
  }
  return rest;
}

}  // namespace supermachine::cli
