// SPDX-License-Identifier: Apache-2.0
#include "snapshot_guest.h"

#include <cstdlib>

namespace supermachine {
namespace {

// Keeps the snapshot for as long as the program runs.
struct Busybox {
  TempDir dir;
  Image image;

  static Result<Busybox> create() {
    TempDir dir = SM_TRY(TempDir::create());
    Vm vm = SM_TRY(start_guest(VmConfig().with_memory_mib(128)));
    Image image = SM_TRY(vm.snapshot(dir.path() + "/busybox"));
    return Busybox{std::move(dir), std::move(image)};
  }
};

const Result<Busybox>& busybox() {
  static const Result<Busybox> made = Busybox::create();
  return made;
}

}  // namespace

Result<Image> busybox_snapshot() {
  if (!busybox().ok()) return busybox().error();
  return busybox().value().image;
}

std::string busybox_snapshot_dir() {
  return busybox().ok() ? busybox().value().dir.path() + "/busybox" : std::string();
}

bool is_soak() {
  const char* value = std::getenv("SM_TEST_SOAK");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace supermachine
