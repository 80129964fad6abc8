// SPDX-License-Identifier: Apache-2.0
// File calls, sync and shutdown against the agent's server in a process of its own.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_process.h"
#include "base/files.h"
#include "client/files.h"
#include "result_matchers.h"

namespace supermachine::agent {
namespace {

using std::chrono::seconds;

Deadline soon() { return deadline_in(seconds(10)); }

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + i / 256);
  return out;
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

class FileTest : public testing::Test {
 protected:
  Status write(const std::string& path, std::uint32_t mode, const std::string& content) {
    return client::write_file(agent_.connector(), path, mode, std::as_bytes(std::span(content)),
                              soon());
  }
  Result<std::string> read(const std::string& path, std::size_t max = 1 << 26) {
    return client::read_file(agent_.connector(), path, max, soon());
  }

  AgentProcess agent_;
  TempDir dir_ = TempDir::create().value();
};

TEST_F(FileTest, WritesAndReadsBackFilesOfAllSizes) {
  for (const std::size_t size : {0UL, 1UL, 65535UL, 65536UL, 65537UL, 20'000'000UL}) {
    const std::string path = dir_.path() + "/f" + std::to_string(size);
    const std::string content = pattern(size);
    ASSERT_THAT(write(path, 0640, content), IsOk()) << size;
    SM_ASSERT_OK_AND_ASSIGN(const std::string got, read(path));
    EXPECT_EQ(got, content) << size;
    EXPECT_EQ(mode_of(path), 0640U);
  }
}

TEST_F(FileTest, ReplacesContentAndModeOfAFileThatExists) {
  const std::string path = dir_.path() + "/f";
  ASSERT_THAT(write(path, 0600, "long content"), IsOk());
  ASSERT_THAT(write(path, 04755, "short"), IsOk());
  EXPECT_EQ(read(path).value(), "short");
  EXPECT_EQ(mode_of(path), 04755U);
}

TEST_F(FileTest, TellsModeAndSize) {
  const std::string path = dir_.path() + "/f";
  ASSERT_THAT(write(path, 0711, "12345"), IsOk());
  const client::FileSink ignore = [](std::span<const std::byte>) { return Status(); };
  SM_ASSERT_OK_AND_ASSIGN(const rpc::FileInfo info,
                          client::read_file(agent_.connector(), path, ignore, soon()));
  EXPECT_EQ(info.mode, 0711U);
  EXPECT_EQ(info.size, 5U);
}

TEST_F(FileTest, ReadsFilesThatDoNotKnowTheirSize) {
  SM_ASSERT_OK_AND_ASSIGN(const std::string got, read("/proc/self/status"));
  EXPECT_TRUE(got.starts_with("Name:")) << got;
}

TEST_F(FileTest, DoesNotCreateDirectories) {
  const auto got = write(dir_.path() + "/no/such", 0644, "x");
  ASSERT_THAT(got, Fails(Errc::kNotFound));
  EXPECT_EQ(got.error().message(), dir_.path() + "/no/such: No such file or directory");
}

TEST_F(FileTest, NamesTheFileThatIsAbsent) {
  EXPECT_THAT(read(dir_.path() + "/absent"), Fails(Errc::kNotFound));
}

TEST_F(FileTest, RefusesWhatIsNotARegularFile) {
  const std::string fifo = dir_.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  EXPECT_THAT(read(fifo), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(write(fifo, 0600, "x"), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(read(dir_.path()), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(write(dir_.path(), 0600, "x"), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(read("/dev/zero"), Fails(Errc::kInvalidArgument));
}

TEST_F(FileTest, StopsAtTheReadersLimit) {
  const std::string path = dir_.path() + "/f";
  ASSERT_THAT(write(path, 0644, pattern(100'000)), IsOk());
  EXPECT_THAT(read(path, 99'999), Fails(Errc::kExhausted));
  EXPECT_THAT(read(path, 100'000), IsOk());
}

TEST_F(FileTest, TellsEarlyThatTheDiskIsFull) {
  EXPECT_THAT(write("/dev/full", 0644, "x"), Fails(Errc::kInvalidArgument));
  const std::string path = dir_.path() + "/f";
  std::size_t given = 0;
  const client::FileSource endless = [&](std::span<std::byte> out) -> Result<std::size_t> {
    if (given > 50'000'000) return Error(Errc::kExhausted, "nobody stopped us");
    given += out.size();
    return out.size();
  };
  const rlimit small{.rlim_cur = 1'000'000, .rlim_max = 1'000'000};
  ASSERT_EQ(::prlimit(agent_.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
  const auto got = client::write_file(agent_.connector(), path, 0644, endless, soon());
  ASSERT_THAT(got, Fails(Errc::kOs));
  EXPECT_EQ(got.error().message(), path + ": write: File too large");
}

TEST_F(FileTest, Syncs) { EXPECT_THAT(client::sync(agent_.connector(), soon()), IsOk()); }

TEST_F(FileTest, ShutdownAnswersAndThenEndsTheGuest) {
  EXPECT_THAT(client::shutdown(agent_.connector(), soon()), IsOk());
  EXPECT_EQ(agent_.wait(), 0);
}

}  // namespace
}  // namespace supermachine::agent
