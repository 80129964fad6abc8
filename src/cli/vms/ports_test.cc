// SPDX-License-Identifier: Apache-2.0
#include "cli/vms/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "cli/fd.h"
#include "result_matchers.h"

namespace supermachine::cli {
namespace {

using ::testing::HasSubstr;

TEST(PublishedPort, IsReadAsDockerReadsIt) {
  const std::vector<std::pair<std::string, PublishedPort>> cases{
      {"80", {.address = "127.0.0.1", .host = 0, .guest = 80}},
      {"80/tcp", {.address = "127.0.0.1", .host = 0, .guest = 80}},
      {"8080:80", {.address = "127.0.0.1", .host = 8080, .guest = 80}},
      {"0.0.0.0:8080:80/tcp", {.address = "0.0.0.0", .host = 8080, .guest = 80}},
      {"10.0.0.1::80", {.address = "10.0.0.1", .host = 0, .guest = 80}},
      {"[::1]:8080:80", {.address = "::1", .host = 8080, .guest = 80}},
      {":80", {.address = "127.0.0.1", .host = 0, .guest = 80}}};
  for (const auto& [text, expected] : cases) {
    SM_ASSERT_OK_AND_ASSIGN(const PublishedPort port, parse_published(text));
    EXPECT_EQ(port, expected) << text;
  }
}

TEST(PublishedPort, IsShownAsDockerShowsIt) {
  EXPECT_EQ(to_string({.host = 8080, .guest = 80}), "127.0.0.1:8080->80/tcp");
  EXPECT_EQ(to_string({.address = "::1", .host = 8080, .guest = 80}), "[::1]:8080->80/tcp");
}

TEST(PublishedPort, NamesWhatIsWrong) {
  for (const char* text : {"", "x", "0", "65536", "8080:", "8080:0", "x:80", "localhost:8080:80",
                           "80/udp", "8000-8010:80", "1:2:3:4", "-1", "80:80:", "[::1:80:80"}) {
    const auto port = parse_published(text);
    ASSERT_THAT(port, Fails(Errc::kInvalidArgument)) << text;
    EXPECT_THAT(port.error().message(), HasSubstr("'" + std::string(text) + "'"));
  }
  EXPECT_THAT(parse_published("80/udp").error().message(), HasSubstr("only tcp"));
}

TEST(PublishedPort, IsRefusedWhereAnotherListens) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  // bind(2) takes every kind of address by this type.
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(socket.get(), generic, size), 0);
  ASSERT_EQ(::listen(socket.get(), 1), 0);
  ASSERT_EQ(::getsockname(socket.get(), generic, &size), 0);
  const std::uint16_t port = ntohs(address.sin_port);

  const Status taken = check_free({{.host = port, .guest = 80}});
  ASSERT_THAT(taken, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(taken.error().message(),
              HasSubstr("127.0.0.1:" + std::to_string(port) + " is taken"));
  EXPECT_THAT(check_free({{.host = 0, .guest = 80}}), IsOk());
  const Status foreign = check_free({{.address = "192.0.2.1", .host = 8080, .guest = 80}});
  ASSERT_THAT(foreign, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(foreign.error().message(), HasSubstr("no address of this host"));
}

}  // namespace
}  // namespace supermachine::cli
