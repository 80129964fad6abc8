// SPDX-License-Identifier: Apache-2.0
// The least an init can do: one word on the console, then the end. What QEMU's guests run in
// bench/boot_bench.cc.
#include <sys/reboot.h>
#include <unistd.h>

int main() {
  constexpr char kWord[] = "first-word\n";
  if (::write(1, kWord, sizeof kWord - 1) < 0) return 1;
  return ::reboot(RB_AUTOBOOT);
}
