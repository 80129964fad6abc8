// SPDX-License-Identifier: Apache-2.0
// An agent that says one line and then nothing: the host must lose patience.
#include <unistd.h>

#include <cstdio>

int main() {
  std::puts("silent agent: here");
  std::fflush(stdout);
  for (;;) ::pause();
}
