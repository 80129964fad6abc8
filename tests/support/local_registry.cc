// SPDX-License-Identifier: Apache-2.0
#include "local_registry.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "base/run_program.h"

namespace supermachine {
namespace {

using std::chrono::seconds;

// bcrypt of "secret", which is all that docker-registry reads; cost 4.
constexpr const char* kPasswords =
    "me:$2b$04$w6zfxkQY7e2VmqyfN0u1B.GG49hGoW0zjT6h7tG9IqKJy6CyB1IAi\n";

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

std::uint16_t free_port() {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);  // as the sockets API has it
  SM_CHECK(::bind(socket.get(), raw, size) == 0 && ::getsockname(socket.get(), raw, &size) == 0);
  return ntohs(address.sin_port);
}

bool answers(std::uint16_t port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

Result<std::string> run(std::vector<std::string> argv) {
  const ProgramOutput output =
      SM_TRY(run_program(argv, "", std::size_t{1} << 20, deadline_in(seconds(60))));
  if (output.status == 0) return output.out;
  std::string words;
  for (const std::string& word : argv) words += " " + word;
  return Error(Errc::kOs, "exit status " + std::to_string(output.status) + " of" + words);
}

Result<pid_t> start_program(const std::string& config, const std::string& log) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  std::string words[] = {"docker-registry", "serve", config};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return Error::from_errno("start docker-registry (apt-get install it)", error);
  return pid;
}

}  // namespace

Result<LocalRegistry> LocalRegistry::start(const LocalRegistryOptions& options) {
  TempDir dir = SM_TRY(TempDir::create());
  const std::uint16_t port = free_port();
  std::string config =
      "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
      "storage: {filesystem: {rootdirectory: " +
      dir.path() + "/data}}\n";
  if (options.basic_auth) {
    std::ofstream(dir.path() + "/htpasswd") << kPasswords;
    config += "auth: {htpasswd: {realm: test, path: " + dir.path() + "/htpasswd}}\n";
  }
  config += "http:\n  addr: 127.0.0.1:" + std::to_string(port) + "\n";
  if (options.tls) {
    SM_TRY(run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", dir.path() + "/key.pem",
                "-out", dir.path() + "/cert.pem"}));
    config +=
        "  tls: {certificate: " + dir.path() + "/cert.pem, key: " + dir.path() + "/key.pem}\n";
  }
  std::ofstream(dir.path() + "/config.yml") << config;
  const pid_t pid = SM_TRY(start_program(dir.path() + "/config.yml", dir.path() + "/log"));
  LocalRegistry registry(std::move(dir), options, port, pid);
  for (int tries = 0; tries < 1000; ++tries) {
    if (answers(port)) return registry;
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid) {
      registry.pid_ = -1;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const auto log = read_file(registry.dir_.path() + "/log", std::size_t{1} << 20);
  return Error(Errc::kTimeout, "docker-registry does not start: " + (log.ok() ? log.value() : ""));
}

LocalRegistry::LocalRegistry(LocalRegistry&& other) noexcept
    : dir_(std::move(other.dir_)),
      options_(other.options_),
      port_(other.port_),
      pid_(std::exchange(other.pid_, -1)) {}

LocalRegistry::~LocalRegistry() { stop(); }

void LocalRegistry::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

std::vector<std::string> LocalRegistry::access(const std::string& prefix) const {
  std::vector<std::string> out{"--" + prefix + "tls-verify=false"};
  if (options_.basic_auth) out.push_back("--" + prefix + "creds=me:secret");
  return out;
}

Status LocalRegistry::push(const std::string& source, const std::string& name) const {
  std::vector<std::string> argv{"skopeo", "--insecure-policy", "copy", "-q", "--all"};
  for (std::string& word : access("dest-")) argv.push_back(std::move(word));
  argv.push_back(source);
  argv.push_back("docker://" + host() + "/" + name);
  SM_TRY(run(argv));
  return {};
}

Result<std::string> LocalRegistry::manifest(const std::string& name) const {
  std::vector<std::string> argv{"skopeo", "inspect", "--raw"};
  for (std::string& word : access("")) argv.push_back(std::move(word));
  argv.push_back("docker://" + host() + "/" + name);
  return run(argv);
}

}  // namespace supermachine
