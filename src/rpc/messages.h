// SPDX-License-Identifier: Apache-2.0
// What the frames between host and agent say: one plain struct per message. encode() gives a whole
// frame, decode() reads a payload and refuses whatever encode() could not have written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/frame.h"
#include "supermachine/result.h"

namespace supermachine::rpc {

inline constexpr std::uint32_t kProtocolVersion = 1;

// Limits of one request; the frame's own limit bounds the sum.
inline constexpr std::size_t kMaxArgs = 16384;  // of one argv, and of env
inline constexpr std::size_t kMaxChain = 64;
inline constexpr std::size_t kMaxStagedFiles = 64;
inline constexpr std::size_t kMaxPath = 4095;
inline constexpr std::size_t kMaxUser = 255;
inline constexpr std::size_t kMaxFeatures = 64;
inline constexpr std::size_t kMaxName = 64;
inline constexpr std::size_t kMaxHostname = 64;  // sethostname(2)
inline constexpr std::size_t kMachineIdSize = 32;
inline constexpr std::size_t kMinEntropy = 32;
inline constexpr std::size_t kMaxEntropy = 512;
inline constexpr std::size_t kMaxListeners = 512;
inline constexpr std::size_t kMaxAddress = 45;  // as text: INET6_ADDRSTRLEN without its NUL
inline constexpr std::size_t kMaxRestorePayload = std::size_t{48} << 10;

// Names in Hello::features.
inline constexpr std::string_view kFeatureRestore = "restore";  // kPrepare, kResumed, kRestored
inline constexpr std::string_view kFeatureReuse = "reuse";      // call after call on a connection
// kStartWorkload, kFollowWorkload, kSignalWorkload.
inline constexpr std::string_view kFeatureWorkload = "workload";
// kConnect, kListListeners, kWaitListener.
inline constexpr std::string_view kFeaturePorts = "ports";

struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t cols = 0;
  bool operator==(const WindowSize&) const = default;
};

// A small file that is written before the command starts, owned by the command's user.
struct StagedFile {
  std::string path;
  std::uint32_t mode = 0644;
  std::string content;
  bool operator==(const StagedFile&) const = default;
};

struct ExecRequest {
  static constexpr FrameType kType = FrameType::kExec;
  std::vector<std::string> argv;
  std::vector<std::string>
      env;                  // "NAME=value"; the agent adds PATH, HOME, HOSTNAME, TERM if absent
  std::string cwd;          // empty: /
  bool create_cwd = false;  // as an image's own working directory is
  std::string user;         // name or number, ":group" may follow; empty: root
  bool tty = false;
  WindowSize window;             // of the tty; zeros leave it unset
  bool with_stdin = false;       // otherwise /dev/null, or a tty that nobody types on
  std::uint64_t timeout_ms = 0;  // of the whole call; 0: none
  std::vector<StagedFile> staged_files;
  std::vector<std::vector<std::string>> chain;  // each runs only if all before it exited with 0
  bool operator==(const ExecRequest&) const = default;
};

struct Started {
  static constexpr FrameType kType = FrameType::kStarted;
  std::uint32_t pid = 0;
  bool operator==(const Started&) const = default;
};

struct Signal {
  static constexpr FrameType kType = FrameType::kSignal;
  std::uint32_t number = 0;  // 1..64, Linux numbering; goes to the command's process group
  bool operator==(const Signal&) const = default;
};

struct Resize {
  static constexpr FrameType kType = FrameType::kResize;
  WindowSize window;
  bool operator==(const Resize&) const = default;
};

struct StdinCredit {
  static constexpr FrameType kType = FrameType::kStdinCredit;
  std::uint32_t bytes = 0;
  bool operator==(const StdinCredit&) const = default;
};

// The end of an exec. Everything the command wrote has been sent before.
struct ExitStatus {
  static constexpr FrameType kType = FrameType::kExited;
  std::uint32_t code = 0;          // 0..255; 0 when a signal ended it
  std::uint32_t signal = 0;        // 0, or the signal that ended it
  bool timed_out = false;          // the agent ended it because ExecRequest::timeout_ms passed
  std::uint32_t step = 0;          // 0: argv; n: chain[n - 1], the last command that ran
  std::uint64_t peak_rss_kib = 0;  // the largest of all steps
  std::uint64_t duration_ns = 0;   // from the first start to the last exit
  bool operator==(const ExitStatus&) const = default;
};

// kFileData frames and a kFileEnd follow; the file is created or truncated in place.
struct WriteFile {
  static constexpr FrameType kType = FrameType::kWriteFile;
  std::string path;
  std::uint32_t mode = 0644;  // permission bits, set whether or not the file existed
  bool operator==(const WriteFile&) const = default;
};

// Answered by kFileInfo, kFileData frames and kFileEnd.
struct ReadFile {
  static constexpr FrameType kType = FrameType::kReadFile;
  std::string path;
  bool operator==(const ReadFile&) const = default;
};

struct FileInfo {
  static constexpr FrameType kType = FrameType::kFileInfo;
  std::uint32_t mode = 0;  // permission bits
  std::uint64_t size = 0;  // when it was opened; the data may be longer or shorter
  bool operator==(const FileInfo&) const = default;
};

// The command that the guest is there for: it belongs to the agent, not to a call. Answered by
// kStarted.
struct StartWorkload {
  static constexpr FrameType kType = FrameType::kStartWorkload;
  ExecRequest command;  // without a terminal, standard input, a timeout and a chain
  bool operator==(const StartWorkload&) const = default;
};

// Answered by kOk.
struct SignalWorkload {
  static constexpr FrameType kType = FrameType::kSignalWorkload;
  std::uint32_t number = 0;  // 1..64, Linux numbering; goes to the workload's process group
  bool operator==(const SignalWorkload&) const = default;
};

// In a kFollowWorkload call: output that was too old to be kept when it could have been sent.
struct Skipped {
  static constexpr FrameType kType = FrameType::kSkipped;
  std::uint64_t bytes = 0;
  bool operator==(const Skipped&) const = default;
};

// A connection to the guest's loopback. After kOk the stream carries its bytes, both ways, and no
// frames any more.
struct Connect {
  static constexpr FrameType kType = FrameType::kConnect;
  std::uint16_t port = 0;  // not 0
  bool operator==(const Connect&) const = default;
};

// Answered by kListeners, with one of them, when somebody listens.
struct WaitListener {
  static constexpr FrameType kType = FrameType::kWaitListener;
  std::uint16_t port = 0;  // 0: any
  std::uint64_t timeout_ms = 0;
  bool operator==(const WaitListener&) const = default;
};

// A TCP socket of the guest that takes connections.
struct Listener {
  std::uint16_t port = 0;
  std::string address;    // "0.0.0.0", "::1"
  std::uint32_t pid = 0;  // of a process that has it; 0: of none that could be found
  bool operator==(const Listener&) const = default;
};

// Those of the workload's processes first.
struct Listeners {
  static constexpr FrameType kType = FrameType::kListeners;
  std::vector<Listener> listeners;
  bool operator==(const Listeners&) const = default;
};

struct Failure {
  static constexpr FrameType kType = FrameType::kFailure;
  Errc code = Errc::kOs;
  std::string message;  // one line, no full stop; at most kMaxFailure bytes
  bool operator==(const Failure&) const = default;
};
inline constexpr std::size_t kMaxFailure = 4096;

// Times are nanoseconds of the guest's monotonic clock, which starts with its kernel.
struct Hello {
  static constexpr FrameType kType = FrameType::kHello;
  std::uint32_t version = kProtocolVersion;
  std::vector<std::string> features;  // what this agent can do beyond version 1
  std::uint64_t agent_start_ns = 0;
  std::uint64_t mounts_done_ns = 0;
  std::uint64_t ready_ns = 0;
  bool operator==(const Hello&) const = default;
};

// The guest is about to be captured: it puts its house in order and holds the requests of new calls
// until it learns whether it is the source or a copy.
struct Prepare {
  static constexpr FrameType kType = FrameType::kPrepare;
  bool drop_caches = false;  // gives back the page cache and compacts memory, for a small snapshot
  bool operator==(const Prepare&) const = default;
};

using InstanceId = std::array<std::byte, 16>;

// The guest is a copy: who and when it is from now on. Before it has all of it, and has said so, no
// call is served.
struct Restored {
  static constexpr FrameType kType = FrameType::kRestored;
  InstanceId instance_id{};
  std::uint64_t wall_clock_ns = 0;  // CLOCK_REALTIME, since 1970
  std::vector<std::byte> entropy;   // kMinEntropy to kMaxEntropy, credited in full
  std::string hostname;             // letters, digits, '-', '.', '_'; empty: as it was
  std::string machine_id;           // kMachineIdSize lower-case hex digits; empty: as it was
  std::string payload;              // for the workload; empty: none
  bool operator==(const Restored&) const = default;
};

// A whole frame. kInvalidArgument when a limit is exceeded or a string holds a NUL.
template <typename Message>
[[nodiscard]] Result<std::vector<std::byte>> encode(const Message& message);

// Fails with kCorrupt, kUnsupported for a Hello of another version.
template <typename Message>
[[nodiscard]] Result<Message> decode(std::span<const std::byte> payload);

// `error` as it travels: its message cut to kMaxFailure, control characters made spaces.
[[nodiscard]] Failure to_failure(const Error& error);
[[nodiscard]] Error to_error(const Failure& failure);

}  // namespace supermachine::rpc
