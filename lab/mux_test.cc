// SPDX-License-Identifier: Apache-2.0
#include "mux.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/endian.h"
#include "base/sys.h"
#include "open_files.h"
#include "result_matchers.h"

namespace supermachine::lab {
namespace {

constexpr std::chrono::seconds kLimit{10};

class MuxTest : public testing::Test {
 protected:
  void SetUp() override {
    loop_ = EventLoop::create().value();
    auto [a, b] = sys::socket_pair().value();
    host_end_ = std::move(a);
    inside_end_ = std::move(b);
  }

  void connect() {
    Mux::Callbacks host;
    host.on_hello = [this] { greeted_ = true; };
    host.on_end = [this](Error reason) { host_ended_ = std::move(reason); };
    host_ = Mux::create(*loop_, std::move(host_end_), std::move(host)).value();
    Mux::Callbacks inside;
    inside.on_open = [this](UniqueFd stream) { opened_.push_back(std::move(stream)); };
    inside.on_bye = [this] { bye_ = true; };
    inside.on_end = [this](const Error&) { inside_ended_ = true; };
    inside_ = Mux::create(*loop_, std::move(inside_end_), std::move(inside)).value();
  }

  bool run_until(const std::function<bool()>& done) {
    const Deadline deadline = deadline_in(kLimit);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      if (!loop_->run_once(deadline_in(std::chrono::milliseconds(20))).ok()) return false;
    }
    return true;
  }

  // Turns of the loop after which nothing is under way.
  void settle() {
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(loop_->run_once(Deadline{}).ok());
  }

  // A session's two ends: the caller's and the server's.
  std::pair<UniqueFd, UniqueFd> open_session() {
    auto [ours, theirs] = sys::socket_pair().value();
    EXPECT_THAT(host_->attach(std::move(theirs)), IsOk());
    const std::size_t before = opened_.size();
    EXPECT_TRUE(run_until([&] { return opened_.size() > before; }));
    EXPECT_THAT(sys::set_nonblocking(ours.get(), true), IsOk());
    UniqueFd inside = std::move(opened_.back());
    EXPECT_THAT(sys::set_nonblocking(inside.get(), true), IsOk());
    return {std::move(ours), std::move(inside)};
  }

  // How much `fd` takes until it and everything behind it is full.
  std::size_t fill(int fd) {
    const std::vector<std::byte> block(std::size_t{64} << 10, std::byte{'x'});
    std::size_t total = 0;
    for (int idle = 0; idle < 5;) {
      const auto sent = sys::try_write(fd, block);
      if (!sent.ok()) break;
      idle = sent.value() ? 0 : idle + 1;
      total += sent.value().value_or(0);
      settle();
    }
    return total;
  }

  std::optional<std::string> receive(int fd, std::size_t count) {
    std::string out;
    const bool got_all = run_until([&] {
      std::array<std::byte, 65536> chunk;
      const auto got =
          sys::try_read(fd, std::span(chunk).first(std::min(chunk.size(), count - out.size())));
      if (!got.ok()) return true;
      // Characters and bytes share one representation.
      out.append(reinterpret_cast<const char*>(chunk.data()), got.value().value_or(0));
      return out.size() >= count;
    });
    if (!got_all || out.size() != count) return std::nullopt;
    return out;
  }

  bool ends(int fd) {
    return run_until([&] {
      std::array<std::byte, 65536> chunk;
      const auto got = sys::try_read(fd, chunk);
      return !got.ok() || got.value() == std::size_t{0};
    });
  }

  static void write_text(int fd, std::string_view text) {
    ASSERT_EQ(sys::try_write(fd, std::as_bytes(std::span(text))).value(), text.size());
  }

  std::unique_ptr<EventLoop> loop_;
  UniqueFd host_end_;
  UniqueFd inside_end_;
  bool greeted_ = false;
  bool bye_ = false;
  bool inside_ended_ = false;
  std::optional<Error> host_ended_;
  std::vector<UniqueFd> opened_;
  std::unique_ptr<Mux> host_;
  std::unique_ptr<Mux> inside_;
};

TEST_F(MuxTest, SaysHelloAndBye) {
  connect();
  EXPECT_TRUE(run_until([&] { return greeted_; }));

  host_->say_bye();

  EXPECT_TRUE(run_until([&] { return bye_; }));
}

TEST_F(MuxTest, CarriesBytesBothWaysInManySessions) {
  connect();
  std::vector<std::pair<UniqueFd, UniqueFd>> sessions;
  for (int i = 0; i < 20; ++i) sessions.push_back(open_session());

  for (std::size_t i = 0; i < sessions.size(); ++i) {
    write_text(sessions[i].first.get(), "to " + std::to_string(i) + ";");
    write_text(sessions[i].second.get(), "from " + std::to_string(i) + ";");
  }

  for (std::size_t i = 0; i < sessions.size(); ++i) {
    const std::string to = "to " + std::to_string(i) + ";";
    const std::string from = "from " + std::to_string(i) + ";";
    EXPECT_EQ(receive(sessions[i].second.get(), to.size()), to);
    EXPECT_EQ(receive(sessions[i].first.get(), from.size()), from);
  }
}

TEST_F(MuxTest, DeliversAllBytesBeforeTheEnd) {
  connect();
  auto [caller, server] = open_session();
  write_text(server.get(), "last words");

  EXPECT_EQ(host_->live_sessions(), 1U);

  server = UniqueFd();

  EXPECT_EQ(receive(caller.get(), 10), "last words");
  EXPECT_EQ(host_->live_sessions(), 0U);
  EXPECT_TRUE(ends(caller.get()));
  EXPECT_TRUE(run_until([&] { return host_->sessions() == 0 && inside_->sessions() == 0; }));
}

TEST_F(MuxTest, EndsTheServersStreamWhenTheCallerIsGone) {
  connect();
  auto [caller, server] = open_session();
  write_text(server.get(), "nobody reads this");

  caller = UniqueFd();

  EXPECT_TRUE(ends(server.get()));
  server = UniqueFd();
  EXPECT_TRUE(run_until([&] { return host_->sessions() == 0 && inside_->sessions() == 0; }));
}

TEST_F(MuxTest, KeepsOtherSessionsGoingWhenOneReaderStandsStill) {
  connect();
  auto [stuck_caller, stuck_server] = open_session();
  auto [caller, server] = open_session();
  const std::size_t stuck = fill(stuck_server.get());

  write_text(server.get(), "alive");

  EXPECT_EQ(receive(caller.get(), 5), "alive");
  const auto late = receive(stuck_caller.get(), stuck);
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(std::ranges::count(*late, 'x'), static_cast<std::ptrdiff_t>(stuck));
}

TEST_F(MuxTest, HoldsNoMoreThanAWindowForAReaderThatStandsStill) {
  connect();
  auto [caller, server] = open_session();

  const std::size_t taken = fill(caller.get());

  constexpr std::size_t kSocketBuffers = std::size_t{1} << 20;  // two, each way below 512 KiB
  EXPECT_GE(taken, kMuxWindow);
  EXPECT_LE(taken, kMuxWindow + kSocketBuffers);
}

TEST_F(MuxTest, RefusesSessionsBeyondTheLimitAndRecovers) {
  allow_many_open_files();
  connect();
  std::vector<std::pair<UniqueFd, UniqueFd>> sessions;
  for (std::size_t i = 0; i < kMuxMaxSessions; ++i) sessions.push_back(open_session());
  auto [ours, theirs] = sys::socket_pair().value();

  EXPECT_THAT(host_->attach(std::move(theirs)), Fails(Errc::kExhausted));

  sessions.clear();
  ASSERT_TRUE(run_until([&] { return host_->sessions() == 0 && inside_->sessions() == 0; }));
  auto [caller, server] = open_session();
  write_text(caller.get(), "again");
  EXPECT_EQ(receive(server.get(), 5), "again");
}

TEST_F(MuxTest, RefusesSessionsThatTheOtherSideOpens) {
  connect();
  auto [ours, theirs] = sys::socket_pair().value();
  ASSERT_THAT(sys::set_nonblocking(ours.get(), true), IsOk());

  ASSERT_THAT(inside_->attach(std::move(theirs)), IsOk());

  EXPECT_TRUE(ends(ours.get()));
  EXPECT_TRUE(run_until([&] { return host_->sessions() == 0 && inside_->sessions() == 0; }));
}

TEST_F(MuxTest, NudgesAtAnyTime) {
  connect();
  host_->nudge();
  auto [caller, server] = open_session();
  host_->nudge();

  ASSERT_THAT(sys::write(caller.get(), std::as_bytes(std::span("on", 2))), IsOk());
  std::array<std::byte, 2> got{};
  EXPECT_TRUE(run_until([&, inside = server.get()] {
    const auto read = sys::try_read(inside, got);
    return read.ok() && read.value() == std::size_t{2};
  }));
  EXPECT_FALSE(inside_ended_);
}

TEST_F(MuxTest, EndsEveryStreamWhenTheLinkBreaks) {
  connect();
  auto [caller, server] = open_session();

  inside_.reset();

  EXPECT_TRUE(ends(caller.get()));
  ASSERT_TRUE(host_ended_.has_value());
  EXPECT_EQ(host_ended_->code(), Errc::kNotFound);
  EXPECT_THAT(host_->attach(std::move(server)), Fails(Errc::kNotFound));
}

struct BadFrame {
  const char* name;
  std::array<std::uint32_t, 3> header;
  std::size_t data;
};

class MuxBadFrameTest : public MuxTest, public testing::WithParamInterface<BadFrame> {};

TEST_P(MuxBadFrameTest, EndsTheLink) {
  Mux::Callbacks callbacks;
  callbacks.on_end = [this](Error reason) { host_ended_ = std::move(reason); };
  host_ = Mux::create(*loop_, std::move(host_end_), std::move(callbacks)).value();
  std::vector<std::byte> frame(12 + GetParam().data);
  for (std::size_t i = 0; i < 3; ++i) store_le(std::span(frame), 4 * i, GetParam().header.at(i));

  ASSERT_THAT(sys::write(inside_end_.get(), frame), IsOk());

  ASSERT_TRUE(run_until([&] { return host_ended_.has_value(); }));
  EXPECT_NE(host_ended_->code(), Errc::kNotFound) << host_ended_->message();
}

INSTANTIATE_TEST_SUITE_P(All, MuxBadFrameTest,
                         testing::Values(BadFrame{"TooLong", {4, 1, kMuxMaxData + 1}, 0},
                                         BadFrame{"UnknownKind", {99, 1, 0}, 0},
                                         BadFrame{"DataOfNoSession", {4, 7, 1}, 1},
                                         BadFrame{"CloseOfNoSession", {6, 7, 0}, 0},
                                         BadFrame{"HelloOfAnotherVersion", {1, 0, 4}, 4},
                                         BadFrame{"HelloCutShort", {1, 0, 2}, 2}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace supermachine::lab
