// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/config.h"

#include "capi/call.h"
#include "capi/handles.h"

using namespace supermachine;
using namespace supermachine::capi;

supermachine_host_report* supermachine_host_check() noexcept {
  return new supermachine_host_report(check_host());
}
void supermachine_host_report_free(supermachine_host_report* report) noexcept { delete report; }
bool supermachine_host_report_usable(const supermachine_host_report* report) noexcept {
  return get(report, [](auto& r) { return r.report.usable(); });
}
const supermachine_string_list* supermachine_host_report_problems(
    const supermachine_host_report* report) noexcept {
  return get(report, [](auto& r) { return &r.problems; });
}
int64_t supermachine_host_report_duration(const supermachine_host_report* report) noexcept {
  return get(report, [](auto& r) -> std::int64_t {
    return std::chrono::nanoseconds(r.report.duration).count();
  });
}

supermachine_status supermachine_assets_new(const char* kernel, const char* agent,
                                            supermachine_assets** assets,
                                            supermachine_error** error) noexcept {
  return give(assets, error, {{"kernel", kernel}, {"agent", agent}},
              [&]() -> Result<AssetPaths> { return AssetPaths{.kernel = kernel, .agent = agent}; });
}
supermachine_status supermachine_assets_from_dir(const char* dir, supermachine_assets** assets,
                                                 supermachine_error** error) noexcept {
  return give(assets, error, {{"dir", dir}}, [&] { return AssetPaths::from_dir(dir); });
}
supermachine_status supermachine_assets_bundled(supermachine_assets** assets,
                                                supermachine_error** error) noexcept {
  return give(assets, error, {}, [] { return AssetPaths::bundled(); });
}
supermachine_status supermachine_assets_discover(supermachine_assets** assets,
                                                 supermachine_error** error) noexcept {
  return give(assets, error, {}, [] { return AssetPaths::discover(); });
}
void supermachine_assets_free(supermachine_assets* assets) noexcept { delete assets; }
const char* supermachine_assets_kernel(const supermachine_assets* assets) noexcept {
  return get_string(
      assets, [](auto& a) -> auto& { return a.paths.kernel; });
}
const char* supermachine_assets_agent(const supermachine_assets* assets) noexcept {
  return get_string(
      assets, [](auto& a) -> auto& { return a.paths.agent; });
}

supermachine_config* supermachine_config_new() noexcept { return new supermachine_config(); }
void supermachine_config_free(supermachine_config* config) noexcept { delete config; }

supermachine_status supermachine_config_set_memory_mib(supermachine_config* config,
                                                       uint32_t mib) noexcept {
  return set({{"config", config}}, [&] { config->config.with_memory_mib(mib); });
}
supermachine_status supermachine_config_set_vcpus(supermachine_config* config,
                                                  uint32_t count) noexcept {
  return set({{"config", config}}, [&] { config->config.with_vcpus(count); });
}
supermachine_status supermachine_config_set_assets(supermachine_config* config,
                                                   const supermachine_assets* assets) noexcept {
  return set({{"config", config}, {"assets", assets}},
             [&] { config->config.with_assets(assets->paths); });
}
supermachine_status supermachine_config_set_vsock_mux_dir(supermachine_config* config,
                                                          const char* dir) noexcept {
  return set({{"config", config}, {"dir", dir}}, [&] { config->config.with_vsock_mux_dir(dir); });
}
supermachine_status supermachine_config_set_boot_timeout(supermachine_config* config,
                                                         int64_t timeout) noexcept {
  return set_time(config, timeout, [&](auto time) { config->config.with_boot_timeout(time); });
}
supermachine_status supermachine_config_set_restore_timeout(supermachine_config* config,
                                                            int64_t timeout) noexcept {
  return set_time(config, timeout, [&](auto time) { config->config.with_restore_timeout(time); });
}
supermachine_status supermachine_config_set_hostname(supermachine_config* config,
                                                     const char* name) noexcept {
  return set({{"config", config}, {"name", name}}, [&] { config->config.with_hostname(name); });
}
supermachine_status supermachine_config_set_machine_id(supermachine_config* config,
                                                       const char* id) noexcept {
  return set({{"config", config}, {"id", id}}, [&] { config->config.with_machine_id(id); });
}
supermachine_status supermachine_config_set_payload(supermachine_config* config, const void* bytes,
                                                    size_t size) noexcept {
  if (!check_bytes(bytes, size).ok()) return SUPERMACHINE_INVALID_ARGUMENT;
  return set({{"config", config}},
             [&] { config->config.with_payload(std::string(to_view(bytes, size))); });
}
supermachine_status supermachine_config_set_workload(supermachine_config* config,
                                                     bool on) noexcept {
  return set({{"config", config}}, [&] { config->config.with_workload(on); });
}
supermachine_status supermachine_config_set_console_fd(supermachine_config* config,
                                                       int fd) noexcept {
  return set({{"config", config}}, [&] { config->config.with_console_fd(fd); });
}
supermachine_status supermachine_config_check(const supermachine_config* config,
                                              supermachine_error** error) noexcept {
  return call(error, {{"config", config}}, [&] { return config->config.check(); });
}
