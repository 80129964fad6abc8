// SPDX-License-Identifier: Apache-2.0
#include "base/shared_lock.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

TEST(SharedLock, IsHeldByManyOrByOne) {
  const TempDir dir = TempDir::create().value();
  const std::string path = dir.path() + "/lock";
  {
    SM_ASSERT_OK_AND_ASSIGN(const SharedLock one, SharedLock::share(path, deadline_in({})));
    SM_ASSERT_OK_AND_ASSIGN(const SharedLock two, SharedLock::share(path, deadline_in({})));
    EXPECT_THAT(SharedLock::alone(path, deadline_in({})), Fails(Errc::kTimeout));
  }
  SM_ASSERT_OK_AND_ASSIGN(const SharedLock alone, SharedLock::alone(path, deadline_in({})));
  EXPECT_THAT(SharedLock::share(path, deadline_in({})), Fails(Errc::kTimeout));
}

}  // namespace
}  // namespace supermachine
