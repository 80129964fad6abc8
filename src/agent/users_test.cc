// SPDX-License-Identifier: Apache-2.0
#include "agent/users.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/sys.h"
#include "result_matchers.h"

namespace supermachine::agent {
namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# a comment\n"
    "broken\n"
    "also:x:notanumber:0::/:\n"
    "nginx:x:101:102:nginx,,,:/var/cache/nginx:/sbin/nologin\n"
    "homeless:x:7:8:::/bin/sh\n"
    "1000:x:55:56::/home/odd:/bin/sh\n"
    "app:x:1000:1001::/home/app:/bin/sh\n"
    "last:x:9:9::/last:/bin/sh";  // no newline

constexpr std::string_view kGroup =
    "root:x:0:\n"
    "bin:x:1:root,daemon\n"
    "nonsense\n"
    "bad:x:-1:nginx\n"
    "adm:x:4:nginx,app\n"
    "www:x:33:app,nginx\n"
    "wide:x:4294967295:nginx\n";

struct Case {
  const char* name;
  const char* spec;
  User expected;
};

class FindUser : public testing::TestWithParam<Case> {};

TEST_P(FindUser, FollowsTheImage) {
  SM_ASSERT_OK_AND_ASSIGN(const User got, find_user(GetParam().spec, kPasswd, kGroup));
  EXPECT_EQ(got.uid, GetParam().expected.uid);
  EXPECT_EQ(got.gid, GetParam().expected.gid);
  EXPECT_EQ(got.groups, GetParam().expected.groups);
  EXPECT_EQ(got.home, GetParam().expected.home);
}

INSTANTIATE_TEST_SUITE_P(
    Users, FindUser,
    testing::Values(
        Case{"NobodyNamedIsRoot", "", {0, 0, {1}, "/root"}},
        Case{"ByName", "nginx", {101, 102, {4, 33}, "/var/cache/nginx"}},
        Case{"ByNumber", "101", {101, 102, {4, 33}, "/var/cache/nginx"}},
        Case{"NumberNotListed", "4242", {4242, 0, {}, "/"}},
        Case{"NameWinsOverNumber", "1000", {55, 56, {}, "/home/odd"}},
        Case{"NoHomeIsRootDirectory", "homeless", {7, 8, {}, "/"}},
        Case{"NamedGroupReplacesTheOthers", "nginx:adm", {101, 4, {}, "/var/cache/nginx"}},
        Case{"NumberedGroup", "nginx:77", {101, 77, {}, "/var/cache/nginx"}},
        Case{"BothNumbers", "12:34", {12, 34, {}, "/"}},
        Case{"OnlyAGroup", ":adm", {0, 4, {}, "/root"}},
        Case{"EmptyGroupIsNone", "nginx:", {101, 102, {4, 33}, "/var/cache/nginx"}},
        Case{"LineWithoutNewline", "last", {9, 9, {}, "/last"}}),
    [](const auto& c) { return c.param.name; });

class UnknownUser : public testing::TestWithParam<const char*> {};

TEST_P(UnknownUser, IsAnErrorThatNamesIt) {
  const auto got = find_user(GetParam(), kPasswd, kGroup);
  ASSERT_THAT(got, Fails(Errc::kNotFound));
}

INSTANTIATE_TEST_SUITE_P(Users, UnknownUser,
                         testing::Values("nosuch", "broken", "also", "-1", "4294967295",
                                         "4294967296", "0x10", " root", "nginx:nosuch",
                                         "nginx:bad:more", "nginx:-1"));

TEST(FindUserFiles, AbsentFilesCountAsEmpty) {
  const TempDir dir = TempDir::create().value();
  SM_ASSERT_OK_AND_ASSIGN(const User got, Users(dir.path()).find("12"));
  EXPECT_EQ(got, (User{.uid = 12, .gid = 0, .groups = {}, .home = "/"}));
  EXPECT_THAT(Users(dir.path()).find("root"), Fails(Errc::kNotFound));
}

TEST(FindUserFiles, AFifoInPlaceOfThemDoesNotBlock) {
  const TempDir dir = TempDir::create().value();
  ASSERT_THAT(make_directories(dir.path() + "/etc"), IsOk());
  ASSERT_EQ(::mkfifo((dir.path() + "/etc/passwd").c_str(), 0666), 0);
  EXPECT_THAT(Users(dir.path()).find("root"), Fails(Errc::kCorrupt));
}

TEST(FindUserFiles, AnEndlessFileIsRefused) {
  const TempDir dir = TempDir::create().value();
  ASSERT_THAT(make_directories(dir.path() + "/etc"), IsOk());
  const std::string path = dir.path() + "/etc/passwd";
  auto file = AtomicFile::create(path).value();
  const std::string line(2 << 20, 'x');
  ASSERT_THAT(write_all(file.fd(), std::as_bytes(std::span(line))), IsOk());
  ASSERT_THAT(file.commit(), IsOk());
  EXPECT_THAT(Users(dir.path()).find("root"), Fails(Errc::kCorrupt));
}

class UserFilesTest : public testing::Test {
 protected:
  UserFilesTest() { EXPECT_THAT(make_directories(dir_.path() + "/etc"), IsOk()); }

  // As old as `age`, so that a change can be told by the file's times alone.
  void put(const std::string& text, std::chrono::seconds age) {
    const UniqueFd fd = sys::open(path_, O_WRONLY | O_CREAT | O_TRUNC, 0644).value();
    ASSERT_THAT(write_all(fd.get(), std::as_bytes(std::span(text))), IsOk());
    timespec then{};
    ::clock_gettime(CLOCK_REALTIME, &then);
    then.tv_sec -= age.count();
    const std::array<timespec, 2> times{then, then};
    ASSERT_EQ(::futimens(fd.get(), times.data()), 0);
  }

  TempDir dir_ = TempDir::create().value();
  std::string path_ = dir_.path() + "/etc/passwd";
  Users users_{dir_.path()};
};

TEST_F(UserFilesTest, AreReadAgainWhenTheyChange) {
  EXPECT_THAT(users_.find("a"), Fails(Errc::kNotFound));
  for (uid_t uid = 10; uid < 15; ++uid) {
    put("a:x:" + std::to_string(uid) + ":1::/:\n", std::chrono::seconds(uid));
    EXPECT_EQ(users_.find("a").value().uid, uid);
    EXPECT_EQ(users_.find("a").value().uid, uid);
  }
  ASSERT_THAT(sys::unlink(path_), IsOk());
  EXPECT_THAT(users_.find("a"), Fails(Errc::kNotFound));
}

TEST_F(UserFilesTest, AreReadAgainEachTimeWhileTheyAreNew) {
  for (uid_t uid = 10; uid < 60; ++uid) {
    put("a:x:" + std::to_string(uid) + ":1::/:\n", std::chrono::seconds(0));
    EXPECT_EQ(users_.find("a").value().uid, uid);
  }
}

}  // namespace
}  // namespace supermachine::agent
