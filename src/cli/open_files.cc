// SPDX-License-Identifier: Apache-2.0
#include "cli/open_files.h"

#include <optional>

namespace supermachine::cli {
namespace {

std::optional<rlim_t> callers_soft_limit;  // once it was raised

}  // namespace

void allow_many_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) callers_soft_limit = before;
}

CallersOpenFiles::CallersOpenFiles() {
  if (!callers_soft_limit || ::getrlimit(RLIMIT_NOFILE, &ours_) != 0) return;
  const rlimit callers{.rlim_cur = *callers_soft_limit, .rlim_max = ours_.rlim_max};
  changed_ = ::setrlimit(RLIMIT_NOFILE, &callers) == 0;
}

CallersOpenFiles::~CallersOpenFiles() {
  if (changed_) static_cast<void>(::setrlimit(RLIMIT_NOFILE, &ours_));
}

}  // namespace supermachine::cli
