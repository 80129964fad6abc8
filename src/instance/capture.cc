// SPDX-License-Identifier: Apache-2.0
#include "instance/capture.h"

#include <algorithm>

namespace supermachine {
namespace {

// Written in one go; small enough that a guest which writes in it later costs little again.
constexpr std::uint64_t kMaxRunPages = 256;

void insert_runs(const MemoryImage& image, PageSet& pages) {
  for (const MemoryRun& run : image.runs)
    pages.insert_run({run.start / kPageSize, run.length / kPageSize});
}

class Capture {
 public:
  Capture(Machine& machine, SnapshotWriter& writer, const CaptureConfig& config)
      : machine_(machine), writer_(writer), config_(config) {}

  Result<Captured> run() {
    if (config_.base) base_ = SM_TRY(ImagePages::create(config_.base->memory()));
    SM_TRY(begin());
    SM_TRY(write(SM_TRY(candidates())));
    const auto paused_at = std::chrono::steady_clock::now();
    SM_TRY(machine_.pause(config_.deadline));
    auto state = finish();
    machine_.start();
    const auto pause = std::chrono::steady_clock::now() - paused_at;
    return Captured{.state = SM_TRY(std::move(state)), .pause = pause};
  }

 private:
  Status begin() {
    Status done;
    machine_.run_on_devices([&] {
      done = machine_.dirty_pages().start(false);
      if (done.ok()) done = machine_.dirty_pages().begin_epoch();
    });
    return done;
  }

  // All pages that may have to be written.
  Result<PageSet> candidates() {
    if (config_.base && config_.origin == config_.base) return machine_.dirty_pages().since_start();
    PageSet pages = SM_TRY(machine_.memory().touched());
    if (config_.origin) insert_runs(config_.origin->memory(), pages);
    if (config_.base) insert_runs(config_.base->memory(), pages);
    return pages;
  }

  Result<MachineState> finish() {
    MachineState state = SM_TRY(machine_.save(config_.keep));
    Status done;
    machine_.run_on_devices([&] { done = machine_.dirty_pages().collect(); });
    SM_TRY(std::move(done));
    SM_TRY(write(machine_.dirty_pages().since_epoch()));
    return state;
  }

  Status write(const PageSet& pages) {
    for (PageRun run : pages.runs()) {
      for (; run.count > 0;) {
        const std::uint64_t count = std::min(run.count, kMaxRunPages);
        SM_TRY(write_run({run.first, count}));
        run.first += count;
        run.count -= count;
      }
    }
    return {};
  }

  // Of a difference, only the pages that differ.
  Status write_run(PageRun run) {
    if (!base_) return write_pages(run);
    PageRun differing{run.first, 0};
    for (std::uint64_t page = run.first; page < run.first + run.count; ++page) {
      if (!as_in_base(page)) {
        ++differing.count;
        continue;
      }
      SM_TRY(write_pages(differing));
      differing = {page + 1, 0};
    }
    return write_pages(differing);
  }

  Status write_pages(PageRun run) {
    if (run.count == 0) return {};
    for (std::uint64_t page = run.first; page < run.first + run.count; ++page)
      written_.insert(page);
    const std::uint64_t offset = run.first * kPageSize;
    return writer_.write_pages(offset,
                               machine_.memory().bytes().subspan(offset, run.count * kPageSize));
  }

  // A page that was written because it differed has to be written again when it does no more.
  [[nodiscard]] bool as_in_base(std::uint64_t page) const {
    if (written_.contains(page)) return false;
    const auto now = machine_.memory().page(page);
    const auto then = base_->page(page);
    if (!then.empty()) return std::ranges::equal(now, then);
    return std::ranges::all_of(now, [](std::byte b) { return b == std::byte{0}; });
  }

  Machine& machine_;
  SnapshotWriter& writer_;
  const CaptureConfig& config_;
  std::shared_ptr<const ImagePages> base_;
  PageSet written_{machine_.memory().pages()};
};

}  // namespace

Result<Captured> capture(Machine& machine, SnapshotWriter& writer, const CaptureConfig& config) {
  return Capture(machine, writer, config).run();
}

}  // namespace supermachine
