// SPDX-License-Identifier: Apache-2.0
#include "agent/output_log.h"

#include <gtest/gtest.h>

namespace supermachine::agent {
namespace {

constexpr auto kOut = rpc::FrameType::kStdout;
constexpr auto kErr = rpc::FrameType::kStderr;

void append(OutputLog& log, rpc::FrameType type, const std::string& text) {
  log.append(type, std::as_bytes(std::span(text)));
}

// All that is kept, each piece behind "1:" or "2:".
std::string content(const OutputLog& log, bool marks = true) {
  std::string all;
  for (std::uint64_t at = log.begin(); at < log.end();) {
    const OutputLog::Piece piece = log.piece_at(at);
    EXPECT_FALSE(piece.bytes.empty());
    EXPECT_LE(piece.bytes.size(), rpc::kMaxData);
    if (marks) all += piece.type == kOut ? "1:" : "2:";
    all += rpc::FrameView{.payload = piece.bytes}.text();
    at += piece.bytes.size();
  }
  return all;
}

TEST(OutputLog, KeepsTheOrderOfBothStreams) {
  OutputLog log;
  append(log, kOut, "a");
  append(log, kOut, "b");
  append(log, kErr, "c");
  append(log, kErr, "");
  append(log, kOut, "d");
  EXPECT_EQ(content(log), "1:ab2:c1:d");
  EXPECT_EQ(log.end(), 4U);
}

TEST(OutputLog, LosesItsBeginning) {
  OutputLog log;
  append(log, kErr, "first");
  append(log, kOut, std::string(OutputLog::kKept - 2, 'x'));
  EXPECT_EQ(log.begin(), 3U);
  EXPECT_EQ(content(log, false), "st" + std::string(OutputLog::kKept - 2, 'x'));
  append(log, kOut, "yz");
  EXPECT_EQ(log.begin(), 5U);
  EXPECT_EQ(content(log, false), std::string(OutputLog::kKept - 2, 'x') + "yz");
}

TEST(OutputLog, KeepsTheEndOfWhatIsLargerThanItself) {
  OutputLog log;
  append(log, kErr, "before");
  std::string large(3 * OutputLog::kKept, 'a');
  large += "end";
  append(log, kOut, large);
  EXPECT_EQ(content(log, false), large.substr(large.size() - OutputLog::kKept));
  EXPECT_EQ(log.begin() + OutputLog::kKept, log.end());
}

TEST(OutputLog, GoesRoundManyTimesWithoutALoss) {
  OutputLog log;
  std::string all;
  for (int i = 0; all.size() < 5 * OutputLog::kKept; ++i) {
    const std::string line = std::to_string(i) + "\n";
    append(log, i % 3000 == 0 ? kErr : kOut, line);
    all += line;
  }
  EXPECT_EQ(content(log, false), all.substr(all.size() - OutputLog::kKept));
}

TEST(OutputLog, OfStreamsThatAlternateIsBoundedToo) {
  OutputLog log;
  for (int i = 0; i < 100'000; ++i) append(log, i % 2 == 0 ? kOut : kErr, "x");
  EXPECT_LE(log.end() - log.begin(), 4096U);
  EXPECT_GE(log.end() - log.begin(), 4000U);
  EXPECT_EQ(log.piece_at(log.end() - 1).type, kErr);
}

TEST(OutputLog, KnowsItsLastLine) {
  OutputLog log;
  EXPECT_EQ(log.last_line(), "");
  append(log, kOut, "one\ntwo");
  EXPECT_EQ(log.last_line(), "two");
  append(log, kErr, "-more\r\n\n");
  EXPECT_EQ(log.last_line(), "two-more");
  append(log, kOut, std::string(1000, 'x') + "\n");
  EXPECT_EQ(log.last_line(), std::string(200, 'x'));
}

}  // namespace
}  // namespace supermachine::agent
