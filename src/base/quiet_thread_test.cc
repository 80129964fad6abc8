// SPDX-License-Identifier: Apache-2.0
#include "base/quiet_thread.h"

#include <gtest/gtest.h>

#include <array>
#include <csignal>

#include "no_more_threads.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

bool blocks(int signal) {
  sigset_t mask{};
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, signal) == 1;
}

TEST(QuietThread, HasItsNameAndNoSignals) {
  std::array<char, 16> name{};
  bool blocked = false;
  SM_ASSERT_OK_AND_ASSIGN(QuietThread thread, start_quiet_thread("a-name-that-is-too-long", [&] {
                            ::pthread_getname_np(::pthread_self(), name.data(), name.size());
                            blocked = blocks(SIGINT) && blocks(SIGTERM);
                          }));
  EXPECT_TRUE(thread.joinable());
  thread.join();
  EXPECT_FALSE(thread.joinable());
  EXPECT_STREQ(name.data(), "a-name-that-is-");
  EXPECT_TRUE(blocked);
  EXPECT_FALSE(blocks(SIGINT));
}

TEST(QuietThread, IsJoinedByItsOwner) {
  bool done = false;
  {
    SM_ASSERT_OK_AND_ASSIGN(QuietThread thread, start_quiet_thread("one", [&] { done = true; }));
    const QuietThread owner = std::move(thread);
    EXPECT_TRUE(owner.joinable());
  }
  EXPECT_TRUE(done);
}

TEST(QuietThread, IsRefusedAtALimitAndLeavesTheCallersSignalsAlone) {
  const NoMoreThreads limit;
  const auto thread = start_quiet_thread("sm-one-more", [] {});
  ASSERT_FALSE(thread.ok());
  EXPECT_EQ(thread.error().code(), Errc::kExhausted);
  EXPECT_THAT(thread.error().message(), AllOf(HasSubstr("sm-one-more"), HasSubstr("threads")));
  EXPECT_FALSE(blocks(SIGINT));
}

}  // namespace
}  // namespace supermachine
