#include "cli/run_options.h"

#include "cli/parse.h"
#include "cli/values.h"

namespace supermachine::cli {
namespace {

// The values as they were written.
struct RawOptions {
  std::string image;
  std::vector<std::string> env;
  std::vector<std::string> env_files;
  std::string entrypoint;
  std::string memory;
  std::string vcpus;
  std::string timeout;
  std::string boot_timeout;
  std::string engine;
};

void declare(CLI::App& app, RunOptions& options, RawOptions& raw) {
  app.set_help_flag();
  app.prefix_command();  // from the first argument after the image on, all is the command's
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_flag("-h,--help", options.help);
  app.add_flag("-i,--interactive", options.interactive);
  app.add_flag("-t,--tty", options.tty);
  app.add_option("-w,--workdir", options.workdir);
  app.add_option("-u,--user", options.user);
  app.add_option("--entrypoint", raw.entrypoint);
  app.add_option("--hostname", options.hostname);
  app.add_option("-m,--memory", raw.memory);
  app.add_option("--vcpus,--cpus", raw.vcpus);
  app.add_option("--timeout", raw.timeout);
  app.add_option("--boot-timeout", raw.boot_timeout);
  app.add_flag("--console", options.console);
  app.add_option("--console-log", options.console_log);
  app.add_flag("--timing", options.timing);
  app.add_flag("-q,--quiet", options.quiet);
  // The first one wins: the hand-over to the lab puts its own in front.
  app.add_option("--engine", raw.engine)->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst);
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("-e,--env", raw.env)->allow_extra_args(false);
  app.add_option("--env-file", raw.env_files)->allow_extra_args(false);
  app.add_option("image", raw.image)->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst);
}

// What CLI11 left over: the command, perhaps behind a "--"; or an option that nobody knows.
Result<std::vector<std::string>> command_of(std::vector<std::string> rest) {
  if (rest.empty()) return rest;
  if (rest[0] == "--") {
    rest.erase(rest.begin());
  } else if (rest[0].size() > 1 && rest[0][0] == '-') {
    return usage_error("unknown option " + rest[0].substr(0, rest[0].find('=')), "run");
  }
  return rest;
}

Result<Engine> parse_engine(const std::string& text) {
  if (text == "auto") return Engine::kAuto;
  if (text == "kvm") return Engine::kKvm;
  if (text == "lab") return Engine::kLab;
  return usage_error("--engine is auto, kvm or lab, not '" + text + "'", "run");
}

Result<std::vector<std::pair<std::string, std::string>>> read_env(const RawOptions& raw) {
  std::vector<std::pair<std::string, std::string>> env;
  const auto add = [&](std::optional<Variable> variable) {
    if (variable) env.push_back(*std::move(variable));
  };
  for (const std::string& path : raw.env_files) {
    for (Variable& variable : SM_TRY(read_env_file(path))) env.push_back(std::move(variable));
  }
  for (const std::string& text : raw.env) add(SM_TRY(parse_variable(text)));
  return env;
}

Status check(const RunOptions& options) {
  if (!options.workdir.empty() && options.workdir[0] != '/') {
    return usage_error("--workdir must begin with /, '" + options.workdir + "' does not", "run");
  }
  return {};
}

}  // namespace

Result<RunOptions> parse_run_options(Args args) {
  RunOptions options;
  RawOptions raw;
  CLI::App app;
  declare(app, options, raw);
  SM_TRY(parse(app, args, "run"));
  if (options.help) return options;

  options.command = SM_TRY(command_of(app.remaining()));
  if (raw.image.empty()) {
    return usage_error("which image? for example oci-archive:python.tar", "run");
  }
  options.image = std::move(raw.image);
  options.env = SM_TRY(read_env(raw));
  if (app.count("--entrypoint") != 0) options.entrypoint = std::move(raw.entrypoint);
  if (app.count("--memory") != 0) options.memory_mib = SM_TRY(parse_memory_mib(raw.memory));
  if (app.count("--vcpus") != 0) options.vcpus = SM_TRY(parse_vcpus(raw.vcpus));
  if (app.count("--timeout") != 0) {
    options.timeout = SM_TRY(parse_seconds("--timeout", raw.timeout));
  }
  if (app.count("--boot-timeout") != 0) {
    options.boot_timeout = SM_TRY(parse_seconds("--boot-timeout", raw.boot_timeout));
  }
  if (app.count("--engine") != 0) options.engine = SM_TRY(parse_engine(raw.engine));
  SM_TRY(check(options));
  return options;
}

}  // namespace supermachine::cli
