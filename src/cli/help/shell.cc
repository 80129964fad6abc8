// SPDX-License-Identifier: Apache-2.0
#include "cli/help/shell.h"

namespace supermachine::cli {

const char* kind_name(Value value) {
  switch (value) {
    case Value::kText:
      return "text";
    case Value::kFile:
      return "file";
    case Value::kDirectory:
      return "directory";
    case Value::kImage:
      return "image";
    case Value::kPulled:
      return "pulled";
    case Value::kSnapshot:
      return "snapshot";
    case Value::kVm:
      return "vm";
    case Value::kRunningVm:
      return "running";
    case Value::kKept:
      return "kept";
    case Value::kEngine:
      return "engine";
    case Value::kPullPolicy:
      return "policy";
    case Value::kSignal:
      return "signal";
    case Value::kShell:
      return "shell";
    case Value::kCommand:
      return "command";
  }
  return "text";
}

bool takes_next_word(const Option& option) {
  return *option.argument != '\0' && !std::string_view(option.argument).starts_with("[=");
}

std::string short_text(const Option& option) {
  std::string text = option.text;
  if (text.find('\n') == std::string::npos) return text.substr(0, text.find(';'));
  for (char& c : text) c = c == '\n' ? ',' : c;
  for (std::size_t at = text.find(','); at != std::string::npos; at = text.find(',', at + 1)) {
    if (at + 1 < text.size() && text[at + 1] != ' ') text.insert(at + 1, " ");
  }
  return text.substr(0, text.find(';'));
}

std::size_t command_place(const VerbHelp& help) {
  for (std::size_t i = 0; i < help.arguments.size(); ++i) {
    if (help.arguments[i].value == Value::kCommand) return i;
  }
  return SIZE_MAX;
}

std::string escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string list_function() {
  return R"sh(# PROGRAM KIND: what can stand in the place of such a value, one a line.
_supermachine_list() {
  case $2 in
    vm) "$1" ps -a --json | sed -n 's/^  {"id": "[^"]*", "name": "\([^"]*\)".*/\1/p' ;;
    running) "$1" ps --json | sed -n 's/^  {"id": "[^"]*", "name": "\([^"]*\)".*/\1/p' ;;
    bake | snapshot) "$1" images --json | sed -n 's/^  {"name": "\([^"]*\)".*/\1/p' ;;
    pulled) "$1" images --json | sed -n 's/^  {"reference": "\([^"]*\)".*/\1/p' ;;
    image) "$1" images -q; printf '%s\n' oci-archive: oci-layout: docker-archive: snapshot: ;;
    kept) _supermachine_list "$1" vm; "$1" images -q ;;
    engine) printf '%s\n' auto kvm lab ;;
    policy) printf '%s\n' always missing never ;;
    signal) printf '%s\n' HUP INT QUIT KILL USR1 USR2 TERM CONT STOP TSTP WINCH ;;
    shell) printf '%s\n' bash zsh fish ;;
  esac 2> /dev/null
}
)sh";
}

}  // namespace supermachine::cli
