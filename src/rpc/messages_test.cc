// SPDX-License-Identifier: Apache-2.0
#include "rpc/messages.h"

#include <gtest/gtest.h>

#include "base/endian.h"
#include "golden.h"
#include "result_matchers.h"

namespace supermachine::rpc {
namespace {

ExecRequest sample_exec() {
  ExecRequest request;
  request.argv = {"python3", "-c", "print(6*7)", ""};
  request.env = {"A=b", "EMPTY="};
  request.cwd = "/srv";
  request.create_cwd = true;
  request.user = "www-data:adm";
  request.tty = true;
  request.window = {.rows = 24, .cols = 80};
  request.with_stdin = true;
  request.timeout_ms = 1500;
  request.staged_files = {{.path = "/tmp/a", .mode = 0600, .content = std::string("\0\xff", 2)}};
  request.chain = {{"true"}, {"echo", "done"}};
  return request;
}

Hello sample_hello() {
  Hello hello;
  hello.features = {"port-forward"};
  hello.agent_start_ns = 1;
  hello.mounts_done_ns = 2;
  hello.ready_ns = 3;
  return hello;
}

Restored sample_restored() {
  Restored restored;
  for (std::size_t i = 0; i < restored.instance_id.size(); ++i) {
    restored.instance_id.at(i) = static_cast<std::byte>(0xa0 + i);
  }
  restored.wall_clock_ns = 1'700'000'000'123'456'789;
  restored.entropy.assign(kMinEntropy, std::byte{0x5e});
  restored.hostname = "clone-7.example";
  restored.machine_id = "0123456789abcdef0123456789abcdef";
  restored.payload = std::string("{\"n\":7}\0", 8);
  return restored;
}

std::span<const std::byte> payload_of(const std::vector<std::byte>& frame) {
  return std::span(frame).subspan(kFrameHeaderSize);
}

// Stable bytes, old bytes readable, and no prefix of them taken for a whole message.
template <typename Message>
void expect_stable(const Message& message, const std::string& golden) {
  const auto frame = encode(message).value();
  expect_matches_golden(frame, golden);
  if (testing::Test::IsSkipped()) return;
  const auto old = read_golden(golden);
  const auto payload = payload_of(old);
  SM_ASSERT_OK_AND_ASSIGN(const Message got, decode<Message>(payload));
  EXPECT_EQ(got, message);
  for (std::size_t n = 0; n < payload.size(); ++n) {
    EXPECT_THAT(decode<Message>(payload.first(n)), Fails(Errc::kCorrupt)) << "prefix of " << n;
  }
  std::vector<std::byte> longer(payload.begin(), payload.end());
  longer.push_back(std::byte{0});
  EXPECT_THAT(decode<Message>(longer), Fails(Errc::kCorrupt)) << "one byte more";
}

TEST(ExecRequestMessage, IsStable) { expect_stable(sample_exec(), "rpc/exec_v1.bin"); }
TEST(StartedMessage, IsStable) { expect_stable(Started{.pid = 77}, "rpc/started_v1.bin"); }
TEST(SignalMessage, IsStable) { expect_stable(Signal{.number = 15}, "rpc/signal_v1.bin"); }
TEST(ResizeMessage, IsStable) {
  expect_stable(Resize{.window = {.rows = 50, .cols = 132}}, "rpc/resize_v1.bin");
}
TEST(StdinCreditMessage, IsStable) {
  expect_stable(StdinCredit{.bytes = 4096}, "rpc/stdin_credit_v1.bin");
}
TEST(ExitStatusMessage, IsStable) {
  expect_stable(ExitStatus{.code = 0,
                           .signal = 9,
                           .timed_out = true,
                           .step = 2,
                           .peak_rss_kib = 1234,
                           .duration_ns = 5'000'000'000},
                "rpc/exited_v1.bin");
}
TEST(WriteFileMessage, IsStable) {
  expect_stable(WriteFile{.path = "/etc/motd", .mode = 0640}, "rpc/write_file_v1.bin");
}
TEST(ReadFileMessage, IsStable) { expect_stable(ReadFile{.path = "/a b"}, "rpc/read_file_v1.bin"); }
TEST(FileInfoMessage, IsStable) {
  expect_stable(FileInfo{.mode = 0644, .size = 1ULL << 40}, "rpc/file_info_v1.bin");
}
StartWorkload sample_workload() {
  StartWorkload workload{.command = sample_exec()};
  workload.command.tty = false;
  workload.command.with_stdin = false;
  workload.command.timeout_ms = 0;
  workload.command.chain.clear();
  return workload;
}

TEST(StartWorkloadMessage, IsStable) {
  expect_stable(sample_workload(), "rpc/start_workload_v1.bin");
}
TEST(SignalWorkloadMessage, IsStable) {
  expect_stable(SignalWorkload{.number = 3}, "rpc/signal_workload_v1.bin");
}
TEST(SkippedMessage, IsStable) {
  expect_stable(Skipped{.bytes = 1ULL << 33}, "rpc/skipped_v1.bin");
}
TEST(ConnectMessage, IsStable) { expect_stable(Connect{.port = 8080}, "rpc/connect_v1.bin"); }
TEST(WaitListenerMessage, IsStable) {
  expect_stable(WaitListener{.port = 0, .timeout_ms = 30'000}, "rpc/wait_listener_v1.bin");
}
TEST(ListenersMessage, IsStable) {
  expect_stable(Listeners{.listeners = {{.port = 80, .address = "0.0.0.0", .pid = 12},
                                        {.port = 65535, .address = "::1", .pid = 0}}},
                "rpc/listeners_v1.bin");
}

TEST(ListenersMessage, OfTheLargestSizeFitsItsFrame) {
  Listeners most;
  most.listeners.assign(kMaxListeners, {.port = 1, .address = std::string(kMaxAddress, 'f')});
  EXPECT_THAT(encode(most), IsOk());
  most.listeners.emplace_back();
  EXPECT_THAT(encode(most), Fails(Errc::kInvalidArgument));
}

TEST(ConnectMessage, ToNoPortIsRefused) {
  EXPECT_THAT(encode(Connect{}), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(decode<Connect>(std::vector<std::byte>(2)), Fails(Errc::kCorrupt));
}

TEST(StartWorkloadMessage, OfACommandThatNeedsItsCallIsRefused) {
  const auto refused = [](void (*spoil)(ExecRequest&)) {
    StartWorkload workload = sample_workload();
    spoil(workload.command);
    return encode(workload);
  };
  EXPECT_THAT(refused([](ExecRequest& r) { r.tty = true; }), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(refused([](ExecRequest& r) { r.with_stdin = true; }), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(refused([](ExecRequest& r) { r.timeout_ms = 1; }), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(refused([](ExecRequest& r) { r.chain = {{"a"}}; }), Fails(Errc::kInvalidArgument));
}

TEST(FailureMessage, IsStable) {
  expect_stable(Failure{.code = Errc::kNotFound, .message = "no such user"}, "rpc/failure_v1.bin");
}
TEST(HelloMessage, IsStable) { expect_stable(sample_hello(), "rpc/hello_v1.bin"); }

TEST(PrepareMessage, IsStable) {
  expect_stable(Prepare{.drop_caches = true}, "rpc/prepare_v1.bin");
}
TEST(RestoredMessage, IsStable) { expect_stable(sample_restored(), "rpc/restored_v1.bin"); }

TEST(PrepareMessage, WithFlagsThatDoNotExistIsRefused) {
  std::vector<std::byte> payload(4);
  store_le<std::uint32_t>(payload, 0, 2);
  EXPECT_THAT(decode<Prepare>(payload), Fails(Errc::kCorrupt));
}

TEST(RestoredMessage, MayLeaveNamesAndPayloadEmpty) {
  Restored restored;
  restored.entropy.resize(kMaxEntropy);
  const auto frame = encode(restored).value();
  SM_ASSERT_OK_AND_ASSIGN(const Restored got, decode<Restored>(payload_of(frame)));
  EXPECT_EQ(got, restored);
}

TEST(RestoredMessage, OfTheLargestSizeFitsItsFrame) {
  Restored restored = sample_restored();
  restored.entropy.resize(kMaxEntropy);
  restored.hostname.assign(kMaxHostname, 'h');
  restored.payload.assign(kMaxRestorePayload, 'p');
  EXPECT_THAT(encode(restored), IsOk());
}

struct RefusedCopy {
  const char* name;
  void (*spoil)(Restored&);
};

class RefusedRestored : public testing::TestWithParam<RefusedCopy> {};

TEST_P(RefusedRestored, IsNotEncoded) {
  Restored restored = sample_restored();
  GetParam().spoil(restored);
  EXPECT_THAT(encode(restored), Fails(Errc::kInvalidArgument));
}

INSTANTIATE_TEST_SUITE_P(
    Message, RefusedRestored,
    testing::Values(
        RefusedCopy{"TooLittleEntropy", [](Restored& r) { r.entropy.pop_back(); }},
        RefusedCopy{"TooMuchEntropy", [](Restored& r) { r.entropy.resize(kMaxEntropy + 1); }},
        RefusedCopy{"ClockBeyondTheCalendar", [](Restored& r) { r.wall_clock_ns = 1ULL << 63; }},
        RefusedCopy{"LongHostname", [](Restored& r) { r.hostname.assign(kMaxHostname + 1, 'h'); }},
        RefusedCopy{"HostnameOfTwoLines", [](Restored& r) { r.hostname = "a\nb"; }},
        RefusedCopy{"ShortMachineId", [](Restored& r) { r.machine_id.pop_back(); }},
        RefusedCopy{"MachineIdOfOtherLetters", [](Restored& r) { r.machine_id[0] = 'g'; }},
        RefusedCopy{"LongPayload",
                    [](Restored& r) { r.payload.assign(kMaxRestorePayload + 1, 'p'); }}),
    [](const auto& refused) { return refused.param.name; });

TEST(RestoredMessage, IsRefusedWithAHostnameThatIsNone) {
  auto frame = encode(sample_restored()).value();
  const std::string name = sample_restored().hostname;
  const std::size_t at = kFrameHeaderSize + 16 + 8 + 4 + kMinEntropy + 4;
  ASSERT_EQ(frame.at(at), static_cast<std::byte>(name.front()));
  frame.at(at) = std::byte{'/'};
  EXPECT_THAT(decode<Restored>(payload_of(frame)), Fails(Errc::kCorrupt));
}

TEST(HelloMessage, OfAnotherVersionIsUnsupportedWhateverFollows) {
  std::vector<std::byte> payload(4);
  store_le<std::uint32_t>(payload, 0, kProtocolVersion + 1);
  EXPECT_THAT(decode<Hello>(payload), Fails(Errc::kUnsupported));
}

// What decode() must refuse encode() refuses to write, so a caller's mistake is told to the caller.
struct Refused {
  const char* name;
  void (*spoil)(ExecRequest&);
};

class RefusedExec : public testing::TestWithParam<Refused> {};

TEST_P(RefusedExec, IsNotEncoded) {
  ExecRequest request = sample_exec();
  GetParam().spoil(request);
  EXPECT_THAT(encode(request), Fails(Errc::kInvalidArgument));
}

INSTANTIATE_TEST_SUITE_P(
    Message, RefusedExec,
    testing::Values(
        Refused{"NoArguments", [](ExecRequest& r) { r.argv.clear(); }},
        Refused{"NulInArgument", [](ExecRequest& r) { r.argv[0] = std::string("a\0b", 3); }},
        Refused{"NulInEnvironment", [](ExecRequest& r) { r.env[0] = std::string("\0", 1); }},
        Refused{"TooManyArguments", [](ExecRequest& r) { r.argv.resize(kMaxArgs + 1); }},
        Refused{"TooLargeInAll", [](ExecRequest& r) { r.env = {std::string(kMaxPayload, 'x')}; }},
        Refused{"LongDirectory", [](ExecRequest& r) { r.cwd.assign(kMaxPath + 1, 'd'); }},
        Refused{"LongUser", [](ExecRequest& r) { r.user.assign(kMaxUser + 1, 'u'); }},
        Refused{"RelativeStagedFile", [](ExecRequest& r) { r.staged_files[0].path = "tmp"; }},
        Refused{"ModeBeyondPermissions", [](ExecRequest& r) { r.staged_files[0].mode = 010000; }},
        Refused{
            "TooManyStagedFiles",
            [](ExecRequest& r) { r.staged_files.assign(kMaxStagedFiles + 1, r.staged_files[0]); }},
        Refused{"EmptyChainedCommand", [](ExecRequest& r) { r.chain[0].clear(); }},
        Refused{"TooManyChained", [](ExecRequest& r) { r.chain.assign(kMaxChain + 1, {"true"}); }}),
    [](const auto& refused) { return refused.param.name; });

TEST(Message, RefusesAFlagThatIsNeitherZeroNorOne) {
  auto frame = encode(ExitStatus{}).value();
  frame[kFrameHeaderSize + 8] = std::byte{2};
  EXPECT_THAT(decode<ExitStatus>(payload_of(frame)), Fails(Errc::kCorrupt));
}

TEST(Message, RefusesAnExitWithBothCodeAndSignal) {
  EXPECT_THAT(encode(ExitStatus{.code = 1, .signal = 9}), Fails(Errc::kInvalidArgument));
}

TEST(Message, RefusesSignalsThatDoNotExist) {
  EXPECT_THAT(encode(Signal{.number = 0}), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(encode(Signal{.number = 65}), Fails(Errc::kInvalidArgument));
}

TEST(Message, RefusesMoreListItemsThanTheLimitWhateverFollows) {
  std::vector<std::byte> payload(4);
  store_le<std::uint32_t>(payload, 0, 0xffffffff);
  EXPECT_THAT(decode<ExecRequest>(payload), Fails(Errc::kCorrupt));
}

TEST(Message, CarriesAnErrorAsOneLineOfBoundedLength) {
  const Failure failure =
      to_failure(Error(Errc::kExhausted, "a\nb\x1b[31m" + std::string(10'000, 'x')));
  EXPECT_EQ(failure.message.size(), kMaxFailure);
  EXPECT_EQ(failure.message.substr(0, 8), "a b [31m");
  EXPECT_THAT(encode(failure), IsOk());
  EXPECT_EQ(to_error(failure).code(), Errc::kExhausted);
}

}  // namespace
}  // namespace supermachine::rpc
