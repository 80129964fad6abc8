// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/log.h"

#include <filesystem>
#include <fstream>

#include "cli/vms/temporary_directory.h"
#include "result_matchers.h"

namespace supermachine::cli {
namespace {

std::string read_all(LogReader& reader) {
  std::string all;
  while (const auto entry = reader.next().value()) all += entry->text;
  return all;
}

class LogTest : public ::testing::Test {
 protected:
  LogReader reader() { return LogReader::open(directory_.path()).value(); }
  const TemporaryDirectory directory_;
};

TEST(LogLine, IsReadAsItWasWritten) {
  LogEntry entry{.time = parse_time("2026-01-02T03:04:05.1Z").value(),
                 .stream = LogStream::kStderr,
                 .text = "a\"b\\\n\x01\xff\xfe é"};
  entry.text += '\0';
  const std::string line = log_line(entry);

  EXPECT_EQ(line.find('\n'), line.size() - 1);
  SM_ASSERT_OK_AND_ASSIGN(const LogEntry read,
                          parse_log_line(std::string_view(line).substr(0, line.size() - 1)));
  EXPECT_EQ(read, entry);
}

TEST(LogLine, IsRefusedDamaged) {
  for (const char* line :
       {"", "{}", "{\"log\":\"a\",\"stream\":\"stdin\",\"time\":\"2026-01-02T03:04:05Z\"}",
        "{\"log\":\"a\",\"stream\":\"stdout\",\"time\":\"now\"}", "{\"log\":\"a\",\"stream"}) {
    EXPECT_THAT(parse_log_line(line), Fails(Errc::kCorrupt)) << line;
  }
}

TEST_F(LogTest, KeepsStreamsApartAndGoesOn) {
  SM_ASSERT_OK_AND_ASSIGN(LogWriter writer, LogWriter::create(directory_.path()));
  LogReader log = reader();
  EXPECT_EQ(log.next().value(), std::nullopt);
  writer.add(LogStream::kStdout, "out\n");
  writer.add(LogStream::kStderr, "err\n");

  const auto first = log.next().value();
  const auto second = log.next().value();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->stream, LogStream::kStdout);
  EXPECT_EQ(second->stream, LogStream::kStderr);
  EXPECT_EQ(second->text, "err\n");
  EXPECT_LE(first->time, second->time);
  EXPECT_EQ(log.next().value(), std::nullopt);
  writer.add(LogStream::kStdout, "more");
  EXPECT_EQ(read_all(log), "more");
}

TEST_F(LogTest, IsBounded) {
  SM_ASSERT_OK_AND_ASSIGN(LogWriter writer, LogWriter::create(directory_.path(), 1000));
  for (int i = 0; i < 100; ++i) writer.add(LogStream::kStdout, std::to_string(i) + "\n");

  EXPECT_LE(std::filesystem::file_size(directory_.path() + "/log"), 1000U);
  EXPECT_LE(std::filesystem::file_size(directory_.path() + "/log.1"), 1000U);
  LogReader log = reader();
  const std::string kept = read_all(log);
  EXPECT_GE(kept.size(), 3 * 12U);
  EXPECT_TRUE(kept.ends_with("97\n98\n99\n")) << kept;
}

TEST_F(LogTest, IsFollowedOverARotation) {
  SM_ASSERT_OK_AND_ASSIGN(LogWriter writer, LogWriter::create(directory_.path(), 1000));
  LogReader log = reader();
  std::string expected;
  std::string read;
  for (int i = 0; i < 100; ++i) {
    const std::string line = std::to_string(i) + "\n";
    writer.add(LogStream::kStdout, line);
    expected += line;
    if (i % 7 == 0) read += read_all(log);
  }
  EXPECT_EQ(read + read_all(log), expected);
}

TEST_F(LogTest, LeavesOutWhatIsDamaged) {
  SM_ASSERT_OK_AND_ASSIGN(LogWriter writer, LogWriter::create(directory_.path()));
  writer.add(LogStream::kStdout, "a");
  std::ofstream(directory_.path() + "/log", std::ios::app) << "garbage\n"
                                                           << std::string(2 << 20, 'x') << "\n";
  writer.add(LogStream::kStdout, "b");

  LogReader log = reader();
  EXPECT_EQ(read_all(log), "ab");
}

TEST_F(LogTest, IsNotThere) {
  EXPECT_THAT(LogReader::open(directory_.path()), Fails(Errc::kNotFound));
}

}  // namespace
}  // namespace supermachine::cli
