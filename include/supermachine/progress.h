// SPDX-License-Identifier: Apache-2.0
// What long work is doing: pulling, unpacking, booting, capturing.
#pragma once

#include <cstdint>
#include <string>

#include "supermachine/detail/std.h"

namespace supermachine {

enum class Stage : std::uint8_t {
  kResolve,   // asking the registry which image a name means
  kDownload,  // of the image's blobs
  kUnpack,    // layers become one tree
  kRootfs,    // the tree becomes a read-only file system
  kBoot,      // until the agent answers
  kListener,  // waiting for the workload to listen
  kWarmup,
  kCapture,  // and one copy is started, as a proof
};

// A step of a stage, as it stands now.
struct Progress {
  Stage stage = Stage::kResolve;
  // Names the step among those of its stage: "layer sha256:3f5c…"; empty when there is one step.
  std::string item;
  std::uint64_t done = 0;   // bytes
  std::uint64_t total = 0;  // bytes; 0: not known, or nothing to count
  std::chrono::nanoseconds elapsed{};
  bool finished = false;  // the last one of this step
  // "already here", "resumed at 12 MiB", "attempt 2: …"; empty when there is nothing to say.
  std::string note;
};

// Called from the caller's thread or one of the library's, one call at a time; it must not call
// back into what reports to it. The first call of a step has elapsed 0, the last one is `finished`;
// in between at most ten a second. A step that fails has no last call.
using ProgressCallback = std::function<void(const Progress&)>;

// "download", as it stands in logs.
[[nodiscard]] const char* stage_name(Stage stage) noexcept;

}  // namespace supermachine
