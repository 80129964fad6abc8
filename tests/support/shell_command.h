// SPDX-License-Identifier: Apache-2.0
// Commands of a shell, for tests that are about files and programs.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace supermachine {

struct ShellOutcome {
  int status = -1;
  std::string text;  // standard output and error
};

// Runs `script` with bash to its end; the whole test program has a deadline.
inline ShellOutcome shell(const std::string& script) {
  ShellOutcome outcome;
  std::string quoted;
  for (const char c : script) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  std::FILE* out =
      ::popen(("bash -euo pipefail -c '" + quoted + "' 2>&1 < /dev/null").c_str(), "re");
  if (out == nullptr) return outcome;
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), out)) {
    outcome.text.append(buffer.data(), got);
  }
  const int status = ::pclose(out);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

}  // namespace supermachine
