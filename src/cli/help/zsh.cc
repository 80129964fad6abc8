// SPDX-License-Identifier: Apache-2.0
#include "cli/help/completion.h"
#include "cli/help/shell.h"
#include "cli/help/text.h"
#include "cli/verb_table.h"

namespace supermachine::cli {
namespace {

// As a word of the script.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The space keeps _arguments from adding arguments of its own.
std::string action(Value value) { return " _supermachine_value " + std::string(kind_name(value)); }

// As _arguments wants it: "(others)--name=[text]:message:action", for each name.
std::string option_specs(const Option& option) {
  const std::vector<std::string> names = option_names(option, false);
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : " ") + name;
  const std::string text = "[" + escaped(short_text(option), "[]:\\") + "]";
  const std::string argument = option.argument;
  std::string out;
  for (const std::string& name : names) {
    std::string spec = (option.repeats ? "*" : "(" + all + ")") + name;
    if (!argument.empty() && !takes_next_word(option)) {
      spec += "=-" + text + "::" + escaped(argument.substr(2, argument.size() - 3), ":") + ":";
    } else if (argument.empty()) {
      spec += text;
    } else {
      spec += (name.starts_with("--") ? "=" : "+") + text + ":" + escaped(argument, ":\\") + ":" +
              action(option.value);
    }
    out += " \\\n        " + quoted(spec);
  }
  return out;
}

std::string case_of(const Verb& verb) {
  std::string out = "    " + std::string(verb.name) + ")\n      _arguments -s -S";
  for (const OptionGroup& group : verb.help.groups) {
    for (const Option& option : group.options) out += option_specs(option);
  }
  for (const Argument& argument : verb.help.arguments) {
    const std::string kind = kind_name(argument.value);
    std::string spec = ":" + kind + ":" + action(argument.value);
    if (argument.repeats) spec.insert(0, "*");
    if (argument.value == Value::kCommand) spec = "*::command:_normal";
    out += " \\\n        " + quoted(spec);
  }
  return out + "\n      ;;\n";
}

constexpr const char* kStart = R"sh(#compdef supermachine
# zsh completion for supermachine, made by 'supermachine completion zsh'.

)sh";

constexpr const char* kValue = R"sh(
# KIND
_supermachine_value() {
  local -a found
  case $1 in
    text) return 1 ;;
    file) _files; return ;;
    directory) _files -/; return ;;
    image)
      if compset -P '(oci-archive|oci-layout|docker-archive|snapshot):'; then
        _files
        return
      fi
      ;;
  esac
  found=(${(f)"$(_supermachine_list $_supermachine_program $1)"})
  compadd -S '' -- ${(M)found:#*:}
  compadd -- ${found:#*:}
  if [[ $1 == snapshot || ( $1 == image && $PREFIX == [./]* ) ]]; then _files -/; fi
}

_supermachine() {
  local _supermachine_program=${~words[1]} curcontext=$curcontext verb
)sh";

constexpr const char* kEnd = R"sh(  esac
}

# From a file of $fpath this is the function itself; otherwise it is to be made known.
if [[ $funcstack[1] == _supermachine ]]; then
  _supermachine "$@"
else
  compdef _supermachine supermachine
fi
)sh";

}  // namespace

std::string zsh_completion() {
  std::string verbs;
  std::string cases;
  for (const Verb& verb : kVerbs) {
    verbs += "    " + quoted(std::string(verb.name) + ":" + escaped(verb.summary, ":\\")) + "\n";
    cases += case_of(verb);
  }
  return kStart + list_function() + kValue + "  local -a verbs=(\n" + verbs +
         "  )\n"
         "  if ((CURRENT == 2)); then\n"
         "    _describe -t verbs verb verbs\n"
         "    [[ $PREFIX != -* ]] || compadd -- --help --version\n"
         "    return\n"
         "  fi\n"
         "  verb=$words[2]\n"
         "  shift words\n"
         "  ((--CURRENT))\n"
         "  case $verb in\n" +
         cases + kEnd;
}

}  // namespace supermachine::cli
