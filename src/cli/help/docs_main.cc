// SPDX-License-Identifier: Apache-2.0
// supermachine-docs man DIRECTORY: writes the manual pages there. For builds; not installed.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "cli/help/man.h"

namespace supermachine::cli {
namespace {

bool write_page(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file.fail()) return true;
  std::fprintf(stderr, "supermachine-docs: %s cannot be written\n", path.c_str());
  return false;
}

bool write_pages(const std::filesystem::path& directory) {
  std::error_code there_already;  // what is not there then cannot be written to
  std::filesystem::create_directories(directory, there_already);
  bool all = write_page(directory / "supermachine.1", program_page(SM_VERSION));
  for (const Verb& verb : kVerbs) {
    const std::string name = "supermachine-" + std::string(verb.name) + ".1";
    all = write_page(directory / name, verb_page(verb, SM_VERSION)) && all;
  }
  return all;
}

}  // namespace
}  // namespace supermachine::cli

int main(int argc, char** argv) {
  if (argc != 3 || std::string_view(argv[1]) != "man") {
    std::fputs("usage: supermachine-docs man DIRECTORY\n", stderr);
    return 2;
  }
  return supermachine::cli::write_pages(argv[2]) ? 0 : 1;
}
