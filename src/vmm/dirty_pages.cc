// SPDX-License-Identifier: Apache-2.0
#include "vmm/dirty_pages.h"

namespace supermachine {

Status DirtyPages::start(bool slots_log) {
  if (started_) return {};
  since_start_ = PageSet(memory_.pages());
  since_epoch_ = PageSet(memory_.pages());
  memory_.track_host_writes();
  if (!slots_log) SM_TRY(vm_.map_memory(memory_, true));
  started_ = true;
  return {};
}

Status DirtyPages::collect() {
  PageSet fresh(memory_.pages());
  SM_TRY(vm_.get_dirty_pages(memory_, fresh));
  fresh.merge(*memory_.host_writes());
  memory_.host_writes()->clear();
  since_start_.merge(fresh);
  since_epoch_.merge(fresh);
  return {};
}

Status DirtyPages::begin_epoch() {
  SM_TRY(collect());
  // Of the log only what it holds can be cleared, which is no more than this.
  SM_TRY(vm_.clear_dirty_pages(memory_, since_start_));
  since_epoch_.clear();
  return {};
}

Status DirtyPages::rewound(PageSet left) {
  PageSet clean = since_start_;
  left.for_each([&](std::uint64_t page) { clean.erase(page); });
  if (clean.count() != 0) SM_TRY(vm_.clear_dirty_pages(memory_, clean));
  since_start_ = std::move(left);
  since_epoch_ = since_start_;
  return {};
}

}  // namespace supermachine
