// SPDX-License-Identifier: Apache-2.0
#include "rpc/messages.h"

#include <algorithm>
#include <concepts>
#include <cstring>

#include "base/endian.h"

namespace supermachine::rpc {
namespace {

// clock_settime(2) takes seconds and nanoseconds that are signed.
constexpr std::uint64_t kMaxWallClock = ~std::uint64_t{0} >> 1;

enum class Text { kAny, kNoNul };  // kNoNul: becomes a C string in the guest

// Writer and Reader offer the same calls, so that each message lists its fields once, in wire
// order.
class Writer {
 public:
  template <std::unsigned_integral T>
  void integer(T value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof(T));
    store_le(out_, at, value);
  }
  void boolean(bool value) { integer(static_cast<std::uint8_t>(value ? 1 : 0)); }
  void flags(bool bit0) { integer(std::uint32_t{bit0 ? 1U : 0U}); }
  void bounded(std::uint32_t value, std::uint32_t min, std::uint32_t max, const char* what) {
    if (value < min || value > max) refuse(std::string(what) + " " + std::to_string(value));
    integer(value);
  }
  void string(const std::string& value, std::size_t max, Text text, const char* what) {
    if (value.size() > max) refuse(std::string(what) + " is longer than " + std::to_string(max));
    if (text == Text::kNoNul && value.find('\0') != std::string::npos) {
      refuse(std::string(what) + " holds a NUL byte");
    }
    // The total is refused later; a length that does not fit must not be written at all.
    if (value.size() > kMaxPayload) return;
    integer(static_cast<std::uint32_t>(value.size()));
    const auto bytes = std::as_bytes(std::span(value));
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  void blob(const std::vector<std::byte>& value, std::size_t min, std::size_t max,
            const char* what) {
    if (value.size() < min || value.size() > max) return refuse(std::string("the size of ") + what);
    integer(static_cast<std::uint32_t>(value.size()));
    out_.insert(out_.end(), value.begin(), value.end());
  }
  void array(std::span<const std::byte> value) {
    out_.insert(out_.end(), value.begin(), value.end());
  }
  template <typename T, typename Each>
  void list(const std::vector<T>& values, std::size_t max, const char* what, Each each) {
    if (values.size() > max) return refuse("more than " + std::to_string(max) + " " + what);
    integer(static_cast<std::uint32_t>(values.size()));
    for (const T& value : values) each(value);
  }
  void require(bool holds, const char* what) {
    if (!holds) refuse(what);
  }

  Result<std::vector<std::byte>> finish(FrameType type) && {
    if (refusal_.empty() && out_.size() > max_payload(type)) {
      refuse("the request is longer than " + std::to_string(max_payload(type)) + " bytes");
    }
    if (!refusal_.empty()) return Error(Errc::kInvalidArgument, std::move(refusal_));
    return encode_frame(type, out_);
  }

 private:
  void refuse(std::string why) {
    if (refusal_.empty()) refusal_ = std::move(why);
  }
  std::vector<std::byte> out_;
  std::string refusal_;  // the first reason not to send this
};

// After a failure every call leaves its value as it is, and finish() tells.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> payload) : rest_(payload) {}

  template <std::unsigned_integral T>
  void integer(T& value) {
    if (rest_.size() < sizeof(T)) return refuse("payload ends early");
    value = load_le<T>(rest_, 0);
    rest_ = rest_.subspan(sizeof(T));
  }
  void boolean(bool& value) {
    std::uint8_t raw = 0;
    integer(raw);
    if (raw > 1) return refuse("a flag that is neither 0 nor 1");
    value = raw == 1;
  }
  void flags(bool& bit0) {
    std::uint32_t raw = 0;
    bounded(raw, 0, 1, "flags that do not exist");
    bit0 = raw == 1;
  }
  void bounded(std::uint32_t& value, std::uint32_t min, std::uint32_t max, const char* what) {
    integer(value);
    if (!failed_ && (value < min || value > max)) refuse(what);
  }
  void string(std::string& value, std::size_t max, Text text, const char* what) {
    std::uint32_t size = 0;
    integer(size);
    if (failed_) return;
    if (size > max || size > rest_.size()) return refuse(what);
    const auto bytes = rest_.first(size);
    if (text == Text::kNoNul && size != 0 && std::memchr(bytes.data(), 0, size) != nullptr) {
      return refuse(what);
    }
    // Bytes and characters share one representation.
    value.assign(reinterpret_cast<const char*>(bytes.data()), size);
    rest_ = rest_.subspan(size);
  }
  void blob(std::vector<std::byte>& value, std::size_t min, std::size_t max, const char* what) {
    std::uint32_t size = 0;
    integer(size);
    if (failed_) return;
    if (size < min || size > max || size > rest_.size()) return refuse(what);
    value.assign(rest_.begin(), rest_.begin() + size);
    rest_ = rest_.subspan(size);
  }
  void array(std::span<std::byte> value) {
    if (rest_.size() < value.size()) return refuse("payload ends early");
    std::ranges::copy(rest_.first(value.size()), value.begin());
    rest_ = rest_.subspan(value.size());
  }
  template <typename T, typename Each>
  void list(std::vector<T>& values, std::size_t max, const char* what, Each each) {
    std::uint32_t count = 0;
    integer(count);
    if (failed_) return;
    if (count > max) return refuse(what);
    // Grows with the bytes that are there, never by the count alone.
    for (std::uint32_t i = 0; i < count && !failed_; ++i) each(values.emplace_back());
  }
  void require(bool holds, const char* what) {
    if (!holds) refuse(what);
  }

  [[nodiscard]] Status finish() const {
    if (failed_) return Error(Errc::kCorrupt, why_);
    if (!rest_.empty()) return Error(Errc::kCorrupt, "bytes after the end of the message");
    return {};
  }

 private:
  void refuse(const char* why) {
    if (!failed_) why_ = why;
    failed_ = true;
  }
  std::span<const std::byte> rest_;
  bool failed_ = false;
  const char* why_ = "";
};

template <typename Archive, typename Strings>
void argv_fields(Archive& archive, Strings& argv) {
  archive.list(argv, kMaxArgs, "arguments", [&](auto& argument) {
    archive.string(argument, kMaxPayload, Text::kNoNul, "argument");
  });
  archive.require(!argv.empty(), "a command without arguments");
}

template <typename Archive, typename Path>
void path_field(Archive& archive, Path& path) {
  archive.string(path, kMaxPath, Text::kNoNul, "path");
  archive.require(!path.empty() && path.front() == '/', "a path that is not absolute");
}

template <typename Archive, typename Mode>
void mode_field(Archive& archive, Mode& mode) {
  archive.bounded(mode, 0, 07777, "file mode");
}

template <typename Archive, typename Window>
void window_fields(Archive& archive, Window& window) {
  archive.integer(window.rows);
  archive.integer(window.cols);
}

bool is_hostname(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

bool is_machine_id(std::string_view id) {
  return id.size() == kMachineIdSize && std::ranges::all_of(id, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

template <typename A>
void fields(A& archive, auto& m, const ExecRequest*) {
  argv_fields(archive, m.argv);
  archive.list(m.env, kMaxArgs, "environment entries", [&](auto& entry) {
    archive.string(entry, kMaxPayload, Text::kNoNul, "environment entry");
  });
  archive.string(m.cwd, kMaxPath, Text::kNoNul, "working directory");
  archive.boolean(m.create_cwd);
  archive.string(m.user, kMaxUser, Text::kNoNul, "user");
  archive.boolean(m.tty);
  window_fields(archive, m.window);
  archive.boolean(m.with_stdin);
  archive.integer(m.timeout_ms);
  archive.list(m.staged_files, kMaxStagedFiles, "staged files", [&](auto& file) {
    path_field(archive, file.path);
    mode_field(archive, file.mode);
    archive.string(file.content, kMaxPayload, Text::kAny, "staged file");
  });
  archive.list(m.chain, kMaxChain, "chained commands",
               [&](auto& argv) { argv_fields(archive, argv); });
}

template <typename A>
void fields(A& archive, auto& m, const Started*) {
  archive.integer(m.pid);
}

template <typename A>
void fields(A& archive, auto& m, const Signal*) {
  archive.bounded(m.number, 1, 64, "signal");
}

template <typename A>
void fields(A& archive, auto& m, const Resize*) {
  window_fields(archive, m.window);
}

template <typename A>
void fields(A& archive, auto& m, const StdinCredit*) {
  archive.bounded(m.bytes, 1, kStdinWindow, "stdin credit");
}

template <typename A>
void fields(A& archive, auto& m, const ExitStatus*) {
  archive.bounded(m.code, 0, 255, "exit code");
  archive.bounded(m.signal, 0, 64, "signal");
  archive.require(m.signal == 0 || m.code == 0, "an exit with both a code and a signal");
  archive.boolean(m.timed_out);
  archive.bounded(m.step, 0, kMaxChain, "chain step");
  archive.integer(m.peak_rss_kib);
  archive.integer(m.duration_ns);
}

template <typename A>
void fields(A& archive, auto& m, const WriteFile*) {
  path_field(archive, m.path);
  mode_field(archive, m.mode);
}

template <typename A>
void fields(A& archive, auto& m, const ReadFile*) {
  path_field(archive, m.path);
}

template <typename A>
void fields(A& archive, auto& m, const FileInfo*) {
  mode_field(archive, m.mode);
  archive.integer(m.size);
}

template <typename A>
void fields(A& archive, auto& m, const StartWorkload*) {
  fields(archive, m.command, &m.command);
  archive.require(!m.command.tty && !m.command.with_stdin && m.command.timeout_ms == 0 &&
                      m.command.chain.empty(),
                  "a workload with a terminal, standard input, a timeout or a chain");
}

template <typename A>
void fields(A& archive, auto& m, const SignalWorkload*) {
  archive.bounded(m.number, 1, 64, "signal");
}

template <typename A>
void fields(A& archive, auto& m, const Skipped*) {
  archive.integer(m.bytes);
}

template <typename A>
void fields(A& archive, auto& m, const Connect*) {
  archive.integer(m.port);
  archive.require(m.port != 0, "port 0");
}

template <typename A>
void fields(A& archive, auto& m, const WaitListener*) {
  archive.integer(m.port);
  archive.integer(m.timeout_ms);
}

template <typename A>
void fields(A& archive, auto& m, const Listeners*) {
  archive.list(m.listeners, kMaxListeners, "listeners", [&](auto& listener) {
    archive.integer(listener.port);
    archive.string(listener.address, kMaxAddress, Text::kNoNul, "address");
    archive.integer(listener.pid);
  });
}

template <typename A>
void fields(A& archive, auto& m, const Hello*) {
  archive.integer(m.version);
  archive.list(m.features, kMaxFeatures, "features", [&](auto& feature) {
    archive.string(feature, kMaxName, Text::kNoNul, "feature name");
  });
  archive.integer(m.agent_start_ns);
  archive.integer(m.mounts_done_ns);
  archive.integer(m.ready_ns);
}

template <typename A>
void fields(A& archive, auto& m, const Prepare*) {
  archive.flags(m.drop_caches);
}

template <typename A>
void fields(A& archive, auto& m, const Restored*) {
  archive.array(m.instance_id);
  archive.integer(m.wall_clock_ns);
  archive.require(m.wall_clock_ns <= kMaxWallClock, "a wall clock beyond what a clock can show");
  archive.blob(m.entropy, kMinEntropy, kMaxEntropy, "entropy");
  archive.string(m.hostname, kMaxHostname, Text::kNoNul, "host name");
  archive.require(is_hostname(m.hostname),
                  "a host name with other than letters, digits, '-', '.' and '_'");
  archive.string(m.machine_id, kMachineIdSize, Text::kNoNul, "machine id");
  archive.require(m.machine_id.empty() || is_machine_id(m.machine_id),
                  "a machine id of other than 32 lower-case hexadecimal digits");
  archive.string(m.payload, kMaxRestorePayload, Text::kAny, "restore payload");
}

// Errc by its number on the wire, which docs/formats/rpc.md lists; the enum may be reordered.
constexpr Errc kErrcOnWire[] = {Errc::kInvalidArgument, Errc::kNotFound, Errc::kUnsupported,
                                Errc::kExhausted,       Errc::kTimeout,  Errc::kCorrupt,
                                Errc::kGuestFault,      Errc::kOs};

void fields(Writer& writer, const Failure& m, const Failure*) {
  std::uint32_t wire = 0;
  while (kErrcOnWire[wire] != m.code) ++wire;
  writer.integer(wire);
  writer.string(m.message, kMaxFailure, Text::kNoNul, "failure message");
}

void fields(Reader& reader, Failure& m, const Failure*) {
  std::uint32_t wire = 0;
  reader.bounded(wire, 0, std::size(kErrcOnWire) - 1, "failure code");
  m.code = wire < std::size(kErrcOnWire) ? kErrcOnWire[wire] : Errc::kOs;
  reader.string(m.message, kMaxFailure, Text::kNoNul, "failure message");
}

}  // namespace

template <typename Message>
Result<std::vector<std::byte>> encode(const Message& message) {
  Writer writer;
  fields(writer, message, &message);
  return std::move(writer).finish(Message::kType);
}

template <typename Message>
Result<Message> decode(std::span<const std::byte> payload) {
  if constexpr (std::same_as<Message, Hello>) {
    // Of another version we know only that it starts with the number.
    if (payload.size() >= 4 && load_le<std::uint32_t>(payload, 0) != kProtocolVersion) {
      return Error(Errc::kUnsupported, "the agent speaks protocol version " +
                                           std::to_string(load_le<std::uint32_t>(payload, 0)) +
                                           ", this host " + std::to_string(kProtocolVersion));
    }
  }
  Message message;
  Reader reader(payload);
  fields(reader, message, &message);
  SM_TRY(reader.finish());
  return message;
}

#define SM_RPC_MESSAGE(M)                                   \
  template Result<std::vector<std::byte>> encode(const M&); \
  template Result<M> decode(std::span<const std::byte>)
SM_RPC_MESSAGE(ExecRequest);
SM_RPC_MESSAGE(Started);
SM_RPC_MESSAGE(Signal);
SM_RPC_MESSAGE(Resize);
SM_RPC_MESSAGE(StdinCredit);
SM_RPC_MESSAGE(ExitStatus);
SM_RPC_MESSAGE(WriteFile);
SM_RPC_MESSAGE(ReadFile);
SM_RPC_MESSAGE(FileInfo);
SM_RPC_MESSAGE(StartWorkload);
SM_RPC_MESSAGE(SignalWorkload);
SM_RPC_MESSAGE(Skipped);
SM_RPC_MESSAGE(Connect);
SM_RPC_MESSAGE(WaitListener);
SM_RPC_MESSAGE(Listeners);
SM_RPC_MESSAGE(Failure);
SM_RPC_MESSAGE(Hello);
SM_RPC_MESSAGE(Prepare);
SM_RPC_MESSAGE(Restored);
#undef SM_RPC_MESSAGE

Failure to_failure(const Error& error) {
  Failure failure{.code = error.code(), .message = error.message().substr(0, kMaxFailure)};
  for (char& c : failure.message) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return failure;
}

Error to_error(const Failure& failure) { return {failure.code, failure.message}; }

}  // namespace supermachine::rpc
