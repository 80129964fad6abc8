// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/builder.h"

#include <memory>

#include "capi/call.h"
#include "capi/handles.h"

using namespace supermachine;
using namespace supermachine::capi;

namespace {

Status warm_up(supermachine_warmup_fn function, void* user, Vm& vm) {
  supermachine_vm lent{&vm};
  supermachine_error* given = nullptr;
  const supermachine_status status = function(&lent, user, &given);
  const std::unique_ptr<supermachine_error> error(given);
  if (status == SUPERMACHINE_OK) return {};
  if (error) return error->error;
  return Error(to_errc(status), std::string("it returned \"") + supermachine_status_name(status) +
                                    "\" and no error");
}

}  // namespace

supermachine_status supermachine_builder_new(const char* reference, supermachine_builder** builder,
                                             supermachine_error** error) noexcept {
  return give(builder, error, {{"reference", reference}},
              [&]() -> Result<OciImageBuilder> { return Image::builder(reference); });
}
void supermachine_builder_free(supermachine_builder* builder) noexcept { delete builder; }

supermachine_status supermachine_builder_set_platform(supermachine_builder* builder,
                                                      const char* platform) noexcept {
  return set({{"builder", builder}, {"platform", platform}},
             [&] { builder->builder.with_platform(platform); });
}
supermachine_status supermachine_builder_add_extra_file(supermachine_builder* builder,
                                                        const char* host_path,
                                                        const char* guest_path) noexcept {
  return set({{"builder", builder}, {"host_path", host_path}, {"guest_path", guest_path}},
             [&] { builder->builder.with_extra_file(host_path, guest_path); });
}
supermachine_status supermachine_builder_set_oci_archive(supermachine_builder* builder,
                                                         const char* path) noexcept {
  return set({{"builder", builder}, {"path", path}},
             [&] { builder->builder.with_oci_archive(path); });
}
supermachine_status supermachine_builder_set_oci_layout(supermachine_builder* builder,
                                                        const char* directory) noexcept {
  return set({{"builder", builder}, {"directory", directory}},
             [&] { builder->builder.with_oci_layout(directory); });
}
supermachine_status supermachine_builder_set_image(supermachine_builder* builder,
                                                   const supermachine_image* image) noexcept {
  return set({{"builder", builder}, {"image", image}},
             [&] { builder->builder.with_image(image->image); });
}
supermachine_status supermachine_builder_add_kernel_arg(supermachine_builder* builder,
                                                        const char* word) noexcept {
  return set({{"builder", builder}, {"word", word}},
             [&] { builder->builder.with_extra_kernel_arg(word); });
}
supermachine_status supermachine_builder_set_vcpus(supermachine_builder* builder,
                                                   uint32_t count) noexcept {
  return set({{"builder", builder}}, [&] { builder->builder.with_vcpus(count); });
}
supermachine_status supermachine_builder_set_memory_mib(supermachine_builder* builder,
                                                        uint32_t mib) noexcept {
  return set({{"builder", builder}}, [&] { builder->builder.with_memory_mib(mib); });
}
supermachine_status supermachine_builder_set_name(supermachine_builder* builder,
                                                  const char* name) noexcept {
  return set({{"builder", builder}, {"name", name}}, [&] { builder->builder.with_name(name); });
}
supermachine_status supermachine_builder_set_name_suffix(supermachine_builder* builder,
                                                         const char* suffix) noexcept {
  return set({{"builder", builder}, {"suffix", suffix}},
             [&] { builder->builder.with_name_suffix(suffix); });
}
supermachine_status supermachine_builder_set_pull_policy(supermachine_builder* builder,
                                                         supermachine_pull_policy policy) noexcept {
  const auto known = to_pull_policy(policy);
  return set({{"builder", builder}, {"policy", known ? &known : nullptr}},
             [&] { builder->builder.with_pull_policy(*known); });
}
supermachine_status supermachine_builder_set_guest_port(supermachine_builder* builder,
                                                        uint16_t port) noexcept {
  return set({{"builder", builder}}, [&] { builder->builder.with_guest_port(port); });
}
supermachine_status supermachine_builder_set_cmd(supermachine_builder* builder,
                                                 const char* const* argv) noexcept {
  return set({{"builder", builder}, {"argv", argv}},
             [&] { builder->builder.with_cmd(to_strings(argv)); });
}
supermachine_status supermachine_builder_add_env(supermachine_builder* builder, const char* name,
                                                 const char* value) noexcept {
  return set({{"builder", builder}, {"name", name}, {"value", value}},
             [&] { builder->builder.with_env(name, value); });
}
supermachine_status supermachine_builder_set_snapshots_dir(supermachine_builder* builder,
                                                           const char* dir) noexcept {
  return set({{"builder", builder}, {"dir", dir}},
             [&] { builder->builder.with_snapshots_dir(dir); });
}
supermachine_status supermachine_builder_set_warmup(supermachine_builder* builder,
                                                    supermachine_warmup_fn warmup,
                                                    void* user) noexcept {
  return set({{"builder", builder}}, [&] {
    if (warmup == nullptr) {
      builder->builder.with_warmup({});
    } else {
      builder->builder.with_warmup([warmup, user](Vm& vm) { return warm_up(warmup, user, vm); });
    }
  });
}
supermachine_status supermachine_builder_set_warmup_tag(supermachine_builder* builder,
                                                        const char* tag) noexcept {
  return set({{"builder", builder}, {"tag", tag}}, [&] { builder->builder.with_warmup_tag(tag); });
}
supermachine_status supermachine_builder_require_listener(supermachine_builder* builder) noexcept {
  return set({{"builder", builder}}, [&] { builder->builder.with_listener_required(); });
}
supermachine_status supermachine_builder_set_listener_timeout(supermachine_builder* builder,
                                                              int64_t timeout) noexcept {
  return set_time(builder, timeout,
                  [&](auto time) { builder->builder.with_listener_timeout(time); });
}
supermachine_status supermachine_builder_set_boot_timeout(supermachine_builder* builder,
                                                          int64_t timeout) noexcept {
  return set_time(builder, timeout, [&](auto time) { builder->builder.with_boot_timeout(time); });
}
supermachine_status supermachine_builder_set_assets(supermachine_builder* builder,
                                                    const supermachine_assets* assets) noexcept {
  return set({{"builder", builder}, {"assets", assets}},
             [&] { builder->builder.with_assets(assets->paths); });
}
supermachine_status supermachine_builder_set_cache_dir(supermachine_builder* builder,
                                                       const char* dir) noexcept {
  return set({{"builder", builder}, {"dir", dir}}, [&] { builder->builder.with_cache_dir(dir); });
}
supermachine_status supermachine_builder_set_progress(supermachine_builder* builder,
                                                      supermachine_progress_fn progress,
                                                      void* user) noexcept {
  return set({{"builder", builder}},
             [&] { builder->builder.with_progress(to_callback(progress, user)); });
}

supermachine_status supermachine_builder_build(const supermachine_builder* builder,
                                               supermachine_image** image,
                                               supermachine_error** error) noexcept {
  return give(image, error, {{"builder", builder}}, [&] { return builder->builder.build(); });
}
supermachine_status supermachine_builder_find(const supermachine_builder* builder,
                                              supermachine_image** image,
                                              supermachine_error** error) noexcept {
  return give(image, error, {{"builder", builder}}, [&] { return builder->builder.find(); });
}
