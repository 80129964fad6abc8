// A virtual machine that runs an image.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supermachine/exec.h"
#include "supermachine/image.h"
#include "supermachine/result.h"
#include "supermachine/vm_config.h"

namespace supermachine {

// Where the time of a start went, each from its beginning.
struct StartTimings {
  std::chrono::nanoseconds vm_created{};      // memory, devices and vCPUs are in place
  std::chrono::nanoseconds kernel_entered{};  // the first instruction
  std::chrono::nanoseconds agent_ready{};     // start() returns
};

// How a VM ended on its own, or was stopped.
struct VmExit {
  enum class Kind { kStopped, kReset, kHalted, kPanic, kTripleFault, kFailed };
  Kind kind = Kind::kStopped;
  std::string message;  // for people
};

// Owns the VM: destroying it ends it. exec(), files and wait() may be called from many threads at
// once; stop() and destruction may not overlap with them.
class Vm {
 public:
  static Result<Vm> start(const Image& image, const VmConfig& config = {}) {
    return image.start(config);
  }

  Vm(Vm&&) noexcept;
  Vm& operator=(Vm&&) noexcept;
  ~Vm();

  // Starts a command with the image's environment, user and working directory.
  Result<ExecChild> exec(std::vector<std::string> argv) const;
  [[nodiscard]] ExecBuilder exec_builder() const;

  // A file of the guest, by absolute path. The directory must exist (kNotFound); an existing file
  // is overwritten. `mode` holds the permission bits.
  Status write_file(const std::string& path, std::string_view bytes, std::uint32_t mode = 0644);
  // kExhausted for more than `max_bytes`.
  Result<std::string> read_file(const std::string& path,
                                std::size_t max_bytes = std::size_t{1} << 30);

  // Ends the VM at once: processes in it get no notice. Again is harmless.
  void stop();

  // How the VM ended; nullopt when it still runs after `timeout`.
  std::optional<VmExit> wait(std::chrono::milliseconds timeout);

  // Path of the unix socket to the guest's vsock ports; empty without
  // VmConfig::with_vsock_mux_dir().
  [[nodiscard]] const std::string& vsock_path() const noexcept;
  [[nodiscard]] const StartTimings& timings() const noexcept;

 private:
  friend class Image;
  struct State;
  explicit Vm(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace supermachine
