#include "cli/run_options.h"

#include "cli/shared_arguments.h"

namespace supermachine::cli {
namespace {

Result<RunOptions> read_options(Args args) {
  RunOptions options;
  MachineArguments machine;
  CommandArguments command;
  CLI::App app;
  app.set_help_flag();
  app.prefix_command();  // from the first argument after the image on, all is the command's
  machine.declare(app, options);
  command.declare(app, options);
  app.add_flag("-h,--help", options.help);
  app.add_flag("-i,--interactive", options.interactive);
  app.add_flag("-t,--tty", options.tty);
  app.add_flag("--console", options.console);
  app.add_flag("--timing", options.timing);
  add_single(app, "--console-log", options.console_log);
  add_single(app, "--payload", options.payload_file);
  app.add_option("image", options.image)->multi_option_policy(CLI::MultiOptionPolicy::TakeFirst);
  SM_TRY(parse(app, args));
  if (options.help) return options;

  SM_TRY(command.read(app, options));
  if (options.image.empty()) {
    return usage_error("which image? for example oci-archive:python.tar");
  }
  SM_TRY(machine.read(app, options));
  if (options.interactive && options.payload_file == "-") {
    return usage_error("-i and --payload - both want standard input");
  }
  return options;
}

}  // namespace

Result<RunOptions> parse_run_options(Args args) { return with_hint(read_options(args), "run"); }

}  // namespace supermachine::cli
