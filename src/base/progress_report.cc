// SPDX-License-Identifier: Apache-2.0
#include "base/progress_report.h"

#include "base/mutex.h"

namespace supermachine {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);

}  // namespace

struct ProgressReport::State {
  ProgressCallback callback;
  Mutex mutex;  // held during a call
};

ProgressReport::ProgressReport(ProgressCallback callback) : state_(std::make_unique<State>()) {
  state_->callback = std::move(callback);
}

ProgressReport::~ProgressReport() = default;

void ProgressReport::call(const Progress& progress) {
  if (!state_->callback) return;
  const MutexLock lock(state_->mutex);
  state_->callback(progress);
}

ProgressReport::Step ProgressReport::begin(Stage stage, std::string item, std::uint64_t total,
                                           std::string note) {
  Step step;
  step.report_ = this;
  step.now_.stage = stage;
  step.now_.item = std::move(item);
  step.now_.total = total;
  step.now_.note = std::move(note);
  step.began_ = std::chrono::steady_clock::now();
  step.told_ = step.began_;
  call(step.now_);
  return step;
}

void ProgressReport::Step::set_total(std::uint64_t total) { now_.total = total; }

void ProgressReport::Step::set_done(std::uint64_t done) {
  now_.done = done;
  tell(false);
}

void ProgressReport::Step::add(std::uint64_t bytes) { set_done(now_.done + bytes); }

void ProgressReport::Step::set_note(const std::string& note) { now_.note = note; }

void ProgressReport::Step::finish() { tell(true); }

void ProgressReport::Step::tell(bool finished) {
  if (report_ == nullptr) return;
  const auto now = std::chrono::steady_clock::now();
  if (!finished && now - told_ < kInterval) return;
  told_ = now;
  now_.elapsed = now - began_;
  now_.finished = finished;
  report_->call(now_);
}

const char* stage_name(Stage stage) noexcept {
  switch (stage) {
    case Stage::kResolve:
      return "resolve";
    case Stage::kDownload:
      return "download";
    case Stage::kUnpack:
      return "unpack";
    case Stage::kRootfs:
      return "rootfs";
    case Stage::kBoot:
      return "boot";
    case Stage::kListener:
      return "listener";
    case Stage::kWarmup:
      return "warmup";
    case Stage::kCapture:
      return "capture";
  }
  return "work";
}

}  // namespace supermachine
