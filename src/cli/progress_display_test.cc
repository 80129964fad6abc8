// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_display.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "cli/fd.h"
#include "cli/progress_text.h"
#include "result_matchers.h"

namespace supermachine::cli {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Progress download(const std::string& item, std::uint64_t done, std::uint64_t total, int ms,
                  bool finished = false, const std::string& note = {}) {
  return {.stage = Stage::kDownload,
          .item = item,
          .done = done,
          .total = total,
          .elapsed = milliseconds(ms),
          .finished = finished,
          .note = note};
}

// What a terminal shows in the end: enough of one for what we send it.
class Screen {
 public:
  void take(const std::string& bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == '\r') {
        column_ = 0;
      } else if (bytes[i] == '\n') {
        ++row_;
      } else if (bytes[i] == '\x1b') {
        i = escape(bytes, i + 2);
      } else {
        put(bytes[i]);
      }
    }
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    auto out = rows_;
    while (!out.empty() && out.back().empty()) out.pop_back();
    return out;
  }

 private:
  std::size_t escape(const std::string& bytes, std::size_t at) {
    std::size_t number = 0;
    for (; bytes.at(at) >= '0' && bytes.at(at) <= '9'; ++at) {
      number = number * 10 + static_cast<std::size_t>(bytes[at] - '0');
    }
    if (bytes[at] == 'A') {
      EXPECT_LE(number, row_);
      row_ -= number;
    } else if (bytes[at] == 'J') {
      if (rows_.size() > row_) rows_.resize(row_ + 1);
      if (rows_.size() == row_ + 1) rows_[row_].resize(std::min(rows_[row_].size(), column_));
    } else {
      ADD_FAILURE() << "unknown escape " << bytes[at];
    }
    return at;
  }
  void put(char c) {
    if (rows_.size() <= row_) rows_.resize(row_ + 1);
    if (rows_[row_].size() <= column_) rows_[row_].resize(column_ + 1, ' ');
    rows_[row_][column_++] = c;
    EXPECT_LE(column_, 80U) << "the line would wrap";
  }
  std::vector<std::string> rows_;
  std::size_t row_ = 0;
  std::size_t column_ = 0;
};

class Terminal {
 public:
  explicit Terminal(unsigned short rows = 24) {
    int master = -1;
    int slave = -1;
    winsize size{.ws_row = rows, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    SM_CHECK(::openpty(&master, &slave, nullptr, nullptr, &size) == 0);
    master_ = Fd(master);
    slave_ = Fd(slave);
    SM_CHECK(::fcntl(master, F_SETFL, O_NONBLOCK) == 0);
  }
  [[nodiscard]] int fd() const { return slave_.get(); }
  std::vector<std::string> lines() {
    std::array<char, 4096> piece{};
    for (;;) {
      const ssize_t got = ::read(master_.get(), piece.data(), piece.size());
      if (got <= 0) break;
      screen_.take(std::string(piece.data(), static_cast<std::size_t>(got)));
    }
    return screen_.lines();
  }

 private:
  Fd master_;
  Fd slave_;
  Screen screen_;
};

std::string shown_in_pipe(ProgressStyle style, const std::vector<Progress>& events) {
  std::array<int, 2> fds{};
  SM_CHECK(::pipe2(fds.data(), O_NONBLOCK) == 0);
  const Fd read(fds[0]);
  const Fd write(fds[1]);
  ProgressDisplay display(style, write.get());
  for (const Progress& event : events) display.callback()(event);
  std::string out(65536, '\0');
  const ssize_t got = ::read(read.get(), out.data(), out.size());
  out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return out;
}

TEST(ProgressText, HasABarARateAndAnEnd) {
  const std::string line = progress_bar(download("layer a", 5 << 20, 10 << 20, 1000), 1 << 20, 100);

  EXPECT_EQ(
      line,
      "download layer a  [============>           ] 5.0 MiB of 10.0 MiB, 1.0 MiB/s, 6 s left");
  EXPECT_EQ(progress_bar(download("layer a", 5 << 20, 10 << 20, 1000), 1 << 20, 20).size(), 20U);
  EXPECT_THAT(progress_bar(download("a", 1000, 1000'001'000, 1), 10'000, 200),
              HasSubstr("1666 min 41 s left"));
}

TEST(ProgressText, LeavesOutWhatIsNotKnown) {
  Progress boot;
  boot.stage = Stage::kBoot;
  boot.elapsed = milliseconds(3500);

  EXPECT_EQ(progress_bar(boot, 0, 80), "boot  3 s");
  boot.finished = true;
  EXPECT_EQ(progress_end(boot, 0), "boot: 3.50 s");
}

TEST(ProgressText, SaysHowAStepEnded) {
  EXPECT_EQ(progress_end(download("layer a", 2 << 20, 2 << 20, 2000, true), 0),
            "download layer a: 2.0 MiB in 2.00 s, 1.0 MiB/s");
  EXPECT_EQ(progress_end(download("layer a", 2 << 20, 2 << 20, 1000, true, "resumed at 1.0 MiB"),
                         1 << 20),
            "download layer a: 1.0 MiB in 1.00 s, 1.0 MiB/s, resumed at 1.0 MiB");
}

TEST(ProgressText, PassesNoControlCharactersOn) {
  EXPECT_EQ(progress_name(download("a\x1b[2J\nb", 0, 0, 0)), "download a?[2J?b");
}

TEST(ProgressText, IsAnObjectAnEvent) {
  EXPECT_EQ(progress_json(download("layer \"a\"", 1, 2, 3, false, "x")),
            R"({"stage":"download","item":"layer \"a\"","done":1,"total":2,"elapsed_ms":3.000,)"
            R"("finished":false,"note":"x"})");
}

TEST(ProgressDisplay, RedrawsInPlaceAndLeavesALineAStep) {
  Terminal terminal;
  ProgressDisplay display(ProgressStyle::kLive, terminal.fd());
  const ProgressCallback callback = display.callback();

  callback(download("a", 0, 100 << 20, 0));
  callback(download("b", 0, 50 << 20, 0));
  EXPECT_EQ(terminal.lines().size(), 2U);
  ::usleep(60'000);
  callback(download("a", 10 << 20, 100 << 20, 500));
  EXPECT_THAT(terminal.lines(),
              ElementsAre(HasSubstr("10.0 MiB of 100.0 MiB"), HasSubstr("download b")));
  callback(download("b", 50 << 20, 50 << 20, 1000, true));
  EXPECT_THAT(terminal.lines(),
              ElementsAre("download b: 50.0 MiB in 1.00 s, 50.0 MiB/s", HasSubstr("download a")));
  callback(download("a", 100 << 20, 100 << 20, 2000, true));

  EXPECT_THAT(terminal.lines(), ElementsAre(HasSubstr("download b: "), HasSubstr("download a: ")));
}

TEST(ProgressDisplay, TakesAwayWhatDidNotEnd) {
  Terminal terminal;
  {
    ProgressDisplay display(ProgressStyle::kLive, terminal.fd());
    display.callback()(download("a", 0, 100, 0));
    display.callback()(download("b", 100, 100, 1, true));
  }
  EXPECT_THAT(terminal.lines(), ElementsAre(HasSubstr("download b: ")));
}

TEST(ProgressDisplay, StaysOnTheScreen) {
  Terminal terminal(6);
  ProgressDisplay display(ProgressStyle::kLive, terminal.fd());
  for (int i = 0; i < 20; ++i) display.callback()(download(std::to_string(i), 0, 100, 0));

  EXPECT_EQ(terminal.lines().size(), 5U);
  EXPECT_EQ(terminal.lines().back(), "and 16 more");
}

TEST(ProgressDisplay, WritesALineWhenAStepBeginsAndOneWhenItEnds) {
  EXPECT_EQ(
      shown_in_pipe(ProgressStyle::kLines, {download("a", 0, 10, 0), download("a", 5, 10, 100),
                                            download("a", 10, 10, 200, true, "already here")}),
      "supermachine: download a\n"
      "supermachine: download a: 10 bytes in 200.0 ms, 50 bytes/s, already here\n");
}

TEST(ProgressDisplay, SaysAtOnceWhatThereIsToNote) {
  EXPECT_EQ(shown_in_pipe(ProgressStyle::kLines, {download("a", 0, 10, 0, false, "waiting\n"),
                                                  download("a", 5, 10, 100, false, "other")}),
            "supermachine: download a: waiting?\n");
}

TEST(ProgressDisplay, CanKeepQuietAboutShortSteps) {
  const std::string shown = shown_in_pipe(
      ProgressStyle::kLongLines,
      {download("a", 0, 10, 0), download("a", 10, 10, 900, true), download("b", 0, 10, 0),
       download("b", 5, 10, 1100), download("b", 6, 10, 1200), download("b", 10, 10, 2000, true)});

  EXPECT_THAT(shown, Not(HasSubstr("download a")));
  EXPECT_EQ(std::ranges::count(shown, '\n'), 2);
}

TEST(ProgressDisplay, ShowsNothingWhereNothingIsWanted) {
  ProgressDisplay display(ProgressStyle::kNone);
  EXPECT_FALSE(display.callback());
}

TEST(ProgressDisplay, DoesNotMindThatNobodyReads) {
  std::array<int, 2> fds{};
  ASSERT_EQ(::pipe(fds.data()), 0);
  ASSERT_NE(::signal(SIGPIPE, SIG_IGN), SIG_ERR);  // as main() does
  const Fd write(fds[1]);
  ::close(fds[0]);
  ProgressDisplay display(ProgressStyle::kJson, write.get());
  display.callback()(download("a", 0, 1, 0));
}

}  // namespace
}  // namespace supermachine::cli
