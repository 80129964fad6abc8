// SPDX-License-Identifier: Apache-2.0
#include "cli/help/man.h"

#include "cli/help/text.h"

namespace supermachine::cli {
namespace {

// Of the texts, set by hand: the same source makes the same pages.
constexpr const char* kDate = "2026-11-21";
constexpr std::size_t kWidth = 64;  // what is escaped gets longer

std::string heading(std::string_view name, std::string_view version) {
  std::string title(name);
  for (char& c : title) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return ".TH \"" + title + "\" \"1\" \"" + kDate + "\" \"supermachine " + roff(version) +
         "\" \"supermachine\"\n.nh\n.ad l\n";
}

std::string section(std::string_view title) { return ".SH \"" + roff(title) + "\"\n"; }

std::string text_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!out.empty()) out += ".br\n";
    for (const std::string& line : wrapped(text.substr(0, end), kWidth)) out += roff(line) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string entry(const std::string& label, std::string_view text) {
  return ".TP\n" + label + "\n" + text_lines(text);
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }

std::string option_entry(const Option& option) {
  std::string label;
  for (const std::string& name : option_names(option, false)) {
    label += (label.empty() ? "" : ", ") + bold(name);
  }
  const std::string_view argument = option.argument;
  if (argument.starts_with("[=")) {
    label += "[=" + italic(argument.substr(2, argument.size() - 3)) + "]";
  } else if (!argument.empty()) {
    label += " " + italic(argument);
  }
  return entry(label, option.text);
}

std::string definitions(std::span<const Definition> items) {
  std::string out;
  for (const Definition& item : items) out += entry(bold(item.term), item.text);
  return out;
}

std::string blocks(std::span<const Block> blocks) {
  std::string out;
  for (const Block& block : blocks) {
    out += ".PP\n" + text_lines(block.text) + definitions(block.items);
  }
  // mandoc: no paragraph right behind a heading.
  return out.empty() ? out : out.substr(std::string_view(".PP\n").size());
}

std::string examples(std::span<const char* const> lines) {
  std::string out = section("EXAMPLES") + ".nf\n";
  for (const char* line : lines) out += roff(line) + "\n";
  return out + ".fi\n";
}

std::string options(std::span<const OptionGroup> groups) {
  std::string out = section("OPTIONS");
  for (const OptionGroup& group : groups) {
    if (*group.title != '\0') out += ".SS \"" + roff(group.title) + "\"\n";
    for (const Option& option : group.options) out += option_entry(option);
  }
  return out;
}

}  // namespace

std::string roff(std::string_view text) {
  std::string out;
  // A line that begins so would be a request.
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':  // as one types it
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '"':
        out += "\\(dq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string verb_page(const Verb& verb, std::string_view version) {
  const std::string name = "supermachine-" + std::string(verb.name);
  std::string out = heading(name, version) + section("NAME") + roff(name) + " \\- " +
                    roff(verb.summary) + "\n" + section("SYNOPSIS") + ".nf\n";
  for (const char* usage : verb.help.usage)
    out += roff("supermachine " + std::string(usage)) + "\n";
  out += ".fi\n" + section("DESCRIPTION") + blocks(verb.help.description);
  out += options(verb.help.groups);
  if (!verb.help.notes.empty()) out += section("NOTES") + blocks(verb.help.notes);
  if (*verb.help.exit_status != '\0') {
    out += section("EXIT STATUS") + text_lines(verb.help.exit_status);
  }
  if (!verb.help.environment.empty()) {
    out += section("ENVIRONMENT") + definitions(verb.help.environment);
  }
  if (!verb.help.examples.empty()) out += examples(verb.help.examples);
  return out + section("SEE ALSO") + bold("supermachine") + "(1)\n";
}

std::string program_page(std::string_view version) {
  std::string out = heading("supermachine", version) + section("NAME") + "supermachine \\- " +
                    roff(kProgramSummary) + "\n" + section("SYNOPSIS") +
                    ".nf\nsupermachine VERB [ARGUMENTS]\nsupermachine VERB \\-\\-help\n"
                    "supermachine \\-\\-version\n.fi\n" +
                    section("DESCRIPTION") + blocks(kProgramDescription) + section("VERBS");
  for (const Verb& verb : kVerbs) {
    out += entry(bold("supermachine-" + std::string(verb.name)) + "(1)", verb.summary);
  }
  out += section("EXIT STATUS") + text_lines(kProgramExitStatus);
  return out + section("ENVIRONMENT") + definitions(kProgramVariables) + examples(kProgramExamples);
}

}  // namespace supermachine::cli
