// SPDX-License-Identifier: Apache-2.0
#include "cli/help/text.h"

#include <algorithm>
#include <cstdio>

namespace supermachine::cli {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kMaxOptionColumn = 27;  // where texts begin; longer options push theirs aside
constexpr std::size_t kIndent = 2;

std::string joined_names(const Option& option) {
  // Long names lie below each other.
  const std::string names = option.names;
  return names.starts_with("--") ? "    " + names : names;
}

std::string indented_label(const Option& option) {
  const std::string_view argument = option.argument;
  const char* separator = argument.empty() || argument.starts_with("[=") ? "" : " ";
  const std::string indent(kIndent, ' ');
  return indent + joined_names(option) + separator + std::string(argument);
}

// `label`, and `text` beside it from `column` on.
void add_entry(std::string& out, std::string label, std::string_view text, std::size_t column) {
  const bool fits = label.size() < column;
  if (fits) {
    label.resize(column, ' ');
  } else {
    label += "  ";
  }
  // Of what stands beside a long label the first line is shorter.
  std::string all(text);
  const std::size_t hang = fits ? 0 : label.size() - column;
  const std::vector<std::string> lines = wrapped(std::string(hang, '\1') + all, kWidth - column);
  out += label + lines[0].substr(hang) + "\n";
  for (std::size_t i = 1; i < lines.size(); ++i) {
    out += std::string(column, ' ') + lines[i] + "\n";
  }
}

void add_paragraph(std::string& out, std::string_view text) {
  for (const std::string& line : wrapped(text, kWidth)) out += line + "\n";
}

void add_block(std::string& out, const Block& block) {
  add_paragraph(out, block.text);
  std::size_t column = 0;
  for (const Definition& item : block.items) {
    column = std::max(column, std::string_view(item.term).size() + 2 * kIndent);
  }
  const bool leads_on = std::string_view(block.text).ends_with('.');
  if (leads_on && !block.items.empty()) out += "\n";
  for (const Definition& item : block.items) {
    add_entry(out, std::string(kIndent, ' ') + item.term, item.text, column);
  }
}

std::size_t option_column(const VerbHelp& help) {
  std::size_t longest = 0;
  for (const OptionGroup& group : help.groups) {
    for (const Option& option : group.options) {
      longest = std::max(longest, indented_label(option).size());
    }
  }
  return std::min(longest + 2, kMaxOptionColumn);
}

}  // namespace

std::vector<std::string> option_names(const Option& option, bool also) {
  std::vector<std::string> names;
  for (std::string_view rest : {std::string_view(option.names), std::string_view(option.also)}) {
    if (rest.data() == option.also && !also) continue;
    while (!rest.empty()) {
      const std::size_t end = rest.find_first_of(", ");
      if (end != 0) names.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
  }
  return names;
}

std::string option_label(const Option& option) {
  const std::string label = indented_label(option);
  return label.substr(label.find_first_not_of(' '));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines{""};
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) {
      lines.emplace_back();
    }
    lines.back() += (lines.back().empty() ? "" : " ") + std::string(word);
    if (end < text.size() && text[end] == '\n') lines.emplace_back();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string help_text(const VerbHelp& help) {
  std::string out;
  for (const char* usage : help.usage) {
    out += (out.empty() ? "usage: supermachine " : "       supermachine ") + std::string(usage);
    out += "\n";
  }
  for (const Block& block : help.description) {
    out += "\n";
    add_block(out, block);
  }
  const std::size_t column = option_column(help);
  for (const OptionGroup& group : help.groups) {
    out += "\n";
    if (*group.title != '\0') out += std::string(group.title) + "\n";
    for (const Option& option : group.options) {
      add_entry(out, indented_label(option), option.text, column);
    }
  }
  for (const Block& note : help.notes) {
    out += "\n";
    add_block(out, note);
  }
  if (*help.exit_status != '\0') {
    out += "\n";
    add_paragraph(out, "Exit status: " + std::string(help.exit_status));
  }
  if (!help.examples.empty()) out += "\nExamples\n";
  for (const char* example : help.examples) out += "  " + std::string(example) + "\n";
  return out;
}

int print_help(const VerbHelp& help) {
  std::fputs(help_text(help).c_str(), stdout);
  return 0;
}

}  // namespace supermachine::cli
