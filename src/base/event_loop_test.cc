// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "result_matchers.h"

namespace supermachine {
namespace {

using std::chrono::milliseconds;

TEST(EventLoop, CallsTheHandlerOfAReadyFd) {
  auto loop = EventLoop::create().value();
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const UniqueFd in(pipe[0]);
  const UniqueFd out(pipe[1]);
  std::uint32_t seen = 0;
  ASSERT_THAT(loop->add(in.get(), EPOLLIN, [&](std::uint32_t events) { seen = events; }), IsOk());

  ASSERT_EQ(::write(out.get(), "x", 1), 1);
  ASSERT_THAT(loop->run_once(deadline_in(milliseconds(1000))), IsOk());

  EXPECT_EQ(seen, static_cast<std::uint32_t>(EPOLLIN));
}

TEST(EventLoop, AHandlerRemovedByAnotherIsNotCalled) {
  auto loop = EventLoop::create().value();
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const UniqueFd in(pipe[0]);
  const UniqueFd out(pipe[1]);
  const UniqueFd twin(::dup(in.get()));
  int calls = 0;
  for (const auto& [fd, other] :
       {std::pair(in.get(), twin.get()), std::pair(twin.get(), in.get())}) {
    ASSERT_THAT(
        loop->add(fd, EPOLLIN, [&, other = other](std::uint32_t) { ++calls, loop->remove(other); }),
        IsOk());
  }

  ASSERT_EQ(::write(out.get(), "x", 1), 1);
  ASSERT_THAT(loop->run_once(deadline_in(milliseconds(1000))), IsOk());

  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, RunsTimersInOrderAndForgetsCancelledOnes) {
  auto loop = EventLoop::create().value();
  std::string order;
  const auto now = std::chrono::steady_clock::now();
  loop->call_at(now + milliseconds(2), [&] { order += 'b', loop->stop(); });
  loop->call_at(now + milliseconds(1), [&] { order += 'a'; });
  loop->cancel(loop->call_at(now, [&] { order += 'x'; }));

  ASSERT_THAT(loop->run(), IsOk());

  EXPECT_EQ(order, "ab");
}

TEST(EventLoop, RunsPostedWorkFromAnotherThreadInOrder) {
  auto loop = EventLoop::create().value();
  std::string order;
  std::thread poster([&] {
    for (char c = 'a'; c <= 'e'; ++c) loop->post([&order, c] { order += c; });
    loop->post([&] { loop->stop(); });
  });

  ASSERT_THAT(loop->run(), IsOk());
  poster.join();

  EXPECT_EQ(order, "abcde");
}

}  // namespace
}  // namespace supermachine
