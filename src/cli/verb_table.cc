// SPDX-License-Identifier: Apache-2.0
#include "cli/verb_table.h"

#include <algorithm>

namespace supermachine::cli {

std::string program_help() {
  std::string out =
      "supermachine runs container images as virtual machines.\n\n"
      "usage: supermachine VERB [ARGUMENTS]\n\n";
  std::size_t width = 0;
  for (const Verb& verb : kVerbs) width = std::max(width, std::string_view(verb.name).size());
  for (const Verb& verb : kVerbs) {
    std::string name = verb.name;
    name.resize(width + 2, ' ');
    out += "  " + name + verb.summary + "\n";
  }
  out +=
      "\n'supermachine VERB --help' and 'man supermachine-VERB' tell more; 'supermachine\n"
      "--version' the version.\n\n";
  for (const char* example : kProgramExamples) out += "  " + std::string(example) + "\n";
  return out;
}

}  // namespace supermachine::cli
