// SPDX-License-Identifier: Apache-2.0
// An init that says when it is up and then gives back what it is given: what QEMU's guests run in
// bench/qemu_restore_bench.cc.
#include <unistd.h>

#include <cstddef>

int main() {
  constexpr char kWord[] = "init-is-up\n";
  if (::write(1, kWord, sizeof kWord - 1) < 0) return 1;
  char bytes[256];
  for (;;) {
    const ssize_t got = ::read(0, bytes, sizeof bytes);
    if (got > 0 && ::write(1, bytes, static_cast<std::size_t>(got)) < 0) return 1;
  }
}
