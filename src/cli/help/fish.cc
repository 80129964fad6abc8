// SPDX-License-Identifier: Apache-2.0
#include "cli/help/completion.h"
#include "cli/help/shell.h"
#include "cli/help/text.h"
#include "cli/verb_table.h"

namespace supermachine::cli {
namespace {

std::string quoted(std::string_view text) { return "'" + escaped(text, "'\\") + "'"; }

constexpr const char* kComplete = "complete -c supermachine";

// What is given to `complete` for a value of that kind.
std::string values_of(Value value) {
  if (value == Value::kText) return "-x";
  if (value == Value::kFile || value == Value::kCommand) return "-r -F";
  if (value == Value::kDirectory) return "-x -a '(__fish_complete_directories)'";
  return "-x -a '(__supermachine_list " + std::string(kind_name(value)) + ")'";
}

std::string option_line(const std::string& verb, std::size_t places, const Option& option) {
  std::string out = std::string(kComplete) + " -n '__supermachine_before " + verb + " " +
                    std::to_string(places) + "'";
  for (const std::string& name : option_names(option, false)) {
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (takes_next_word(option)) out += " " + values_of(option.value);
  return out + " -d " + quoted(short_text(option)) + "\n";
}

std::string lines_of(const Verb& verb) {
  constexpr std::size_t kNoEnd = 1'000'000;
  const std::string name = verb.name;
  const std::size_t places = std::min(command_place(verb.help), kNoEnd);
  std::string out = std::string(kComplete) + " -n __supermachine_is_first -x -a " + name + " -d " +
                    quoted(verb.summary) + "\n";
  for (const OptionGroup& group : verb.help.groups) {
    for (const Option& option : group.options) out += option_line(name, places, option);
  }
  std::size_t place = 0;
  for (const Argument& argument : verb.help.arguments) {
    if (argument.value == Value::kCommand) break;
    const std::string at = "-n '__supermachine_at " + name + " " + std::to_string(place) +
                           (argument.repeats ? " more'" : "'");
    std::string values = values_of(argument.value);
    const bool files = argument.value == Value::kImage || argument.value == Value::kSnapshot;
    if (files) values.replace(values.find("-x"), 2, "-F");  // directories too
    out += std::string(kComplete) + " " + at + " " + values + "\n";
    ++place;
  }
  if (verb.help.arguments.empty()) {
    out += std::string(kComplete) + " -n '__supermachine_at " + name + " 0 more' -f\n";
  }
  return out;
}

std::string valued_case(const Verb& verb) {
  std::string names;
  for (const OptionGroup& group : verb.help.groups) {
    for (const Option& option : group.options) {
      if (!takes_next_word(option)) continue;
      for (const std::string& name : option_names(option)) names += " " + name;
    }
  }
  if (names.empty()) return "";
  return "        case " + std::string(verb.name) + "\n            string split ' ' --" + " '" +
         names.substr(1) + "'\n";
}

constexpr const char* kStart =
    R"sh(# fish completion for supermachine, made by 'supermachine completion fish'.

# KIND: what can stand in the place of such a value, one a line.
function __supermachine_list
    set -l program (commandline -opc)[1]
    set program (string replace -r '^~' $HOME -- $program)
    begin
        switch $argv[1]
            case vm
                $program ps -a --json | sed -n 's/^  {"id": "[^"]*", "name": "\([^"]*\)".*/\1/p'
            case running
                $program ps --json | sed -n 's/^  {"id": "[^"]*", "name": "\([^"]*\)".*/\1/p'
            case snapshot
                $program images --json | sed -n 's/^  {"name": "\([^"]*\)".*/\1/p'
            case pulled
                $program images --json | sed -n 's/^  {"reference": "\([^"]*\)".*/\1/p'
            case image
                $program images -q
                printf '%s\n' oci-archive: oci-layout: docker-archive: snapshot:
            case kept
                __supermachine_list vm
                $program images -q
            case engine
                printf '%s\n' auto kvm lab
            case policy
                printf '%s\n' always missing never
            case signal
                printf '%s\n' HUP INT QUIT KILL USR1 USR2 TERM CONT STOP TSTP WINCH
            case shell
                printf '%s\n' bash zsh fish
        end
    end 2>/dev/null
end

function __supermachine_is_first
    test (count (commandline -opc)) -eq 1
end

# VERB: its options that take the next word.
function __supermachine_valued
    switch $argv[1]
)sh";

constexpr const char* kPlace = R"sh(    end
end

# VERB: how many of its arguments by position are there already; fails for another verb.
function __supermachine_place
    set -l words (commandline -opc)
    if test (count $words) -lt 2; or test "$words[2]" != "$argv[1]"
        return 1
    end
    set -l valued (__supermachine_valued $argv[1])
    set -l place 0
    set -l waits 0
    set -e words[1..2]
    for word in $words
        if test $waits -eq 1
            set waits 0
            continue
        end
        switch $word
            case --
                set place 1000000
                break
            case '-*'
                contains -- $word $valued; and set waits 1
            case '*'
                set place (math $place + 1)
        end
    end
    echo $place
end

# VERB PLACE [more]: whether that argument comes next, or a later one.
function __supermachine_at
    set -l place (__supermachine_place $argv[1]); or return 1
    test $place -eq $argv[2]; or begin
        test "$argv[3]" = more; and test $place -gt $argv[2]
    end
end

# VERB PLACES: whether the verb's own words go on, which is up to so many arguments.
function __supermachine_before
    set -l place (__supermachine_place $argv[1]); or return 1
    test $place -le $argv[2]
end

complete -c supermachine -n __supermachine_is_first -l help -s h -d 'list the verbs'
complete -c supermachine -n __supermachine_is_first -l version -d 'tell the version'
)sh";

}  // namespace

std::string fish_completion() {
  std::string cases;
  std::string lines;
  for (const Verb& verb : kVerbs) {
    cases += valued_case(verb);
    lines += lines_of(verb);
  }
  return kStart + cases + kPlace + lines;
}

}  // namespace supermachine::cli
