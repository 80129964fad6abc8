// SPDX-License-Identifier: Apache-2.0
#include "cli/help/completion.h"
#include "cli/help/shell.h"
#include "cli/help/text.h"
#include "cli/verb_table.h"

namespace supermachine::cli {
namespace {

// What a verb takes, as the variables of _supermachine.
std::string case_of(const Verb& verb) {
  std::string options;
  std::string kinds;
  for (const OptionGroup& group : verb.help.groups) {
    for (const Option& option : group.options) {
      for (const std::string& name : option_names(option, false)) options += " " + name;
      if (!takes_next_word(option)) continue;
      for (const std::string& name : option_names(option)) {
        kinds += " " + name + ":" + kind_name(option.value);
      }
    }
  }
  std::string places;
  bool repeats = false;
  for (const Argument& argument : verb.help.arguments) {
    places += (places.empty() ? "" : " ") + std::string(kind_name(argument.value));
    repeats = argument.repeats;
  }
  return "    " + std::string(verb.name) + ")\n      options='" + options.substr(1) +
         "'\n      kinds='" + kinds + " '\n      places=(" + places +
         ") repeats=" + (repeats ? "1" : "") + "\n      ;;\n";
}

constexpr const char* kStart =
    R"sh(# bash completion for supermachine, made by 'supermachine completion bash'.

)sh";

constexpr const char* kTake = R"sh(
# Adds each line that goes on from $1 to the replies, behind $2.
_supermachine_take() {
  local line
  while IFS= read -r line; do
    [[ $line != "$1"* ]] || COMPREPLY+=("$2$line")
  done
}

# WORD as the program would get it, in $plain: bash gives words as they are typed, perhaps within an open quote.
_supermachine_unquote() {
  local rest=$1 quote= char
  plain=
  while [[ $rest ]]; do
    char=${rest:0:1} rest=${rest:1}
    case $quote$char in
      \' | \") quote=$char ;;
      "''" | '""') quote= ;;
      \\) plain+=${rest:0:1} rest=${rest:1} ;;
      '"\') [[ $rest == [\$\`\"\\]* ]] || plain+=\\; plain+=${rest:0:1} rest=${rest:1} ;;
      *) plain+=$char ;;
    esac
  done
}

# compgen's OPTION WORD PREFIX: files, which readline quotes where they need it.
_supermachine_files() {
  local line
  compopt -o filenames 2> /dev/null
  while IFS= read -r line; do COMPREPLY+=("$3$line"); done < <(compgen "$1" -- "$2")
}

# KIND WORD
_supermachine_fill() {
  local kind=$1 plain
  _supermachine_unquote "$2"
  local word=$plain
  case $kind in
    text) return ;;
    image)
      case $word in
        oci-archive:* | oci-layout:* | docker-archive:* | snapshot:*)
          _supermachine_files -f "${word#*:}" "${word%%:*}:"
          return
          ;;
      esac
      ;;
    file | command) _supermachine_files -f "$word" '' ;;
  esac
  case $kind:$word in
    directory:* | snapshot:* | image:[./]*) _supermachine_files -d "$word" '' ;;
  esac
  _supermachine_take "$word" '' < <(_supermachine_list "${words[0]/#\~/$HOME}" "$kind")
  # The name of a file goes on.
  [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *: ]] || compopt -o nospace 2> /dev/null
}

_supermachine() {
  COMPREPLY=()
  # Words as the program gets them: bash breaks them at : and = too.
  local -a words=()
  local word glue=
  for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [[ ${#words[@]} -gt 0 && ( $glue || $word == +([:=]) ) ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    [[ $word == +([:=]) ]] && glue=1 || glue=
  done
  local current=${words[-1]}
)sh";

constexpr const char* kEnd = R"sh(    *) return ;;
  esac

  # Which of the arguments by position comes next, whether the guest's command has begun, and
  # whether an option waits for its value.
  local place=0 inside= waits= kind=
  for word in "${words[@]:2:${#words[@]}-3}"; do
    if [[ $waits ]]; then waits=; continue; fi
    case $word in
      --) place=$((${#places[@]} - 1)) inside=1; break ;;
      -*) if [[ $kinds == *" $word:"* ]]; then waits=$word; fi ;;
      *)
        if [[ ${places[place]-} == command ]]; then inside=1; break; fi
        place=$((place + 1))
        ;;
    esac
  done
  kind=${places[place]-}
  if [[ ! $kind && $repeats ]]; then kind=${places[-1]}; fi

  if [[ ! $waits && ! $inside && $current == --*=* ]]; then
    waits=${current%%=*} current=${current#*=}
  fi
  if [[ $waits ]]; then
    kind=text
    if [[ $kinds == *" $waits:"* ]]; then kind=${kinds##*" $waits:"} kind=${kind%% *}; fi
  elif [[ $current == -* && ! $inside ]]; then
    kind=
    _supermachine_take "$current" '' <<< "${options// /$'\n'}"
  fi
  [[ ! $kind ]] || _supermachine_fill "$kind" "$current"

  # What stands before the last break is there already.
  local before=${current%"${current##*[:=]}"}
  if [[ $before && $COMP_WORDBREAKS == *"${before: -1}"* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
  fi
}

complete -F _supermachine supermachine
)sh";

}  // namespace

std::string bash_completion() {
  std::string verbs;
  std::string cases;
  for (const Verb& verb : kVerbs) {
    verbs += std::string(verb.name) + " ";
    cases += case_of(verb);
  }
  return kStart + list_function() + kTake + "  if ((${#words[@]} < 3)); then\n" +
         "    _supermachine_take \"$current\" '' < <(printf '%s\\n' " + verbs +
         "--help --version)\n    return\n  fi\n"
         "  local options kinds repeats\n  local -a places\n  case ${words[1]} in\n" +
         cases + kEnd;
}

}  // namespace supermachine::cli
