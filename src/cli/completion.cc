// SPDX-License-Identifier: Apache-2.0
// `supermachine completion`: what makes a shell complete our words.
#include <cstdio>

#include "cli/help/completion.h"
#include "cli/help/text.h"
#include "cli/host_help.h"
#include "cli/parse.h"

namespace supermachine::cli {
namespace {

Result<std::string> completion_for(const std::string& shell) {
  if (shell == "bash") return bash_completion();
  if (shell == "zsh") return zsh_completion();
  if (shell == "fish") return fish_completion();
  return usage_error(shell.empty() ? "for which shell? bash, zsh or fish"
                                   : "for bash, zsh or fish, not for '" + shell + "'");
}

}  // namespace

Result<int> completion_verb(Args args) {
  std::string shell;
  bool help = false;
  Parser parser(kCompletionHelp);
  parser.flag("--help", help);
  parser.argument("shell", shell);
  SM_TRY(with_hint(parser.parse(args), "completion"));
  if (help) return print_help(kCompletionHelp);
  std::fputs(SM_TRY(with_hint(completion_for(shell), "completion")).c_str(), stdout);
  return 0;
}

}  // namespace supermachine::cli
