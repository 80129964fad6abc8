// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/pool.h"

#include "capi/call.h"
#include "capi/handles.h"

using namespace supermachine;
using namespace supermachine::capi;

namespace {

const LatencySummary* find_latency(const supermachine_pool_stats* stats,
                                   supermachine_latency latency) {
  if (stats == nullptr) return nullptr;
  switch (latency) {
    case SUPERMACHINE_LATENCY_RESTORE:
      return &stats->stats.restore;
    case SUPERMACHINE_LATENCY_WAKE:
      return &stats->stats.wake;
    case SUPERMACHINE_LATENCY_RESET:
      return &stats->stats.reset;
    default:
      return nullptr;
  }
}

}  // namespace

supermachine_status supermachine_pool_builder_new(const supermachine_image* image,
                                                  supermachine_pool_builder** builder,
                                                  supermachine_error** error) noexcept {
  return give(builder, error, {{"image", image}},
              [&]() -> Result<PoolBuilder> { return image->image.pool(); });
}
void supermachine_pool_builder_free(supermachine_pool_builder* builder) noexcept { delete builder; }
supermachine_status supermachine_pool_builder_set_min(supermachine_pool_builder* builder,
                                                      size_t count) noexcept {
  return set({{"builder", builder}}, [&] { builder->builder.min(count); });
}
supermachine_status supermachine_pool_builder_set_max(supermachine_pool_builder* builder,
                                                      size_t count) noexcept {
  return set({{"builder", builder}}, [&] { builder->builder.max(count); });
}
supermachine_status supermachine_pool_builder_set_idle_timeout(supermachine_pool_builder* builder,
                                                               int64_t timeout) noexcept {
  return set_time(builder, timeout, [&](auto time) { builder->builder.idle_timeout(time); });
}
supermachine_status supermachine_pool_builder_set_acquire_timeout(
    supermachine_pool_builder* builder, int64_t timeout) noexcept {
  return set_time(builder, timeout, [&](auto time) { builder->builder.acquire_timeout(time); });
}
supermachine_status supermachine_pool_builder_set_restore_on_release(
    supermachine_pool_builder* builder, bool on) noexcept {
  return set({{"builder", builder}}, [&] { builder->builder.restore_on_release(on); });
}
supermachine_status supermachine_pool_builder_set_memory_budget(supermachine_pool_builder* builder,
                                                                uint64_t bytes) noexcept {
  return set({{"builder", builder}}, [&] { builder->builder.memory_budget(bytes); });
}
supermachine_status supermachine_pool_builder_set_warm_memory(supermachine_pool_builder* builder,
                                                              uint64_t bytes) noexcept {
  return set({{"builder", builder}}, [&] { builder->builder.warm_memory(bytes); });
}
supermachine_status supermachine_pool_builder_set_config(
    supermachine_pool_builder* builder, const supermachine_config* config) noexcept {
  return set({{"builder", builder}, {"config", config}},
             [&] { builder->builder.config(config->config); });
}
supermachine_status supermachine_pool_builder_build(const supermachine_pool_builder* builder,
                                                    supermachine_pool** pool,
                                                    supermachine_error** error) noexcept {
  return give(pool, error, {{"builder", builder}}, [&] { return builder->builder.build(); });
}

void supermachine_pool_free(supermachine_pool* pool) noexcept { delete pool; }
supermachine_status supermachine_pool_acquire(const supermachine_pool* pool, supermachine_vm** vm,
                                              supermachine_error** error) noexcept {
  return give(vm, error, {{"pool", pool}}, [&] { return pool->pool.acquire(); });
}

supermachine_status supermachine_pool_get_stats(const supermachine_pool* pool,
                                                supermachine_pool_stats** stats,
                                                supermachine_error** error) noexcept {
  return give(stats, error, {{"pool", pool}},
              [&]() -> Result<PoolStats> { return pool->pool.stats(); });
}
void supermachine_pool_stats_free(supermachine_pool_stats* stats) noexcept { delete stats; }
uint64_t supermachine_pool_stats_alive(const supermachine_pool_stats* stats) noexcept {
  return get(stats, [](auto& s) { return s.stats.alive; });
}
uint64_t supermachine_pool_stats_idle(const supermachine_pool_stats* stats) noexcept {
  return get(stats, [](auto& s) { return s.stats.idle; });
}
uint64_t supermachine_pool_stats_in_use(const supermachine_pool_stats* stats) noexcept {
  return get(stats, [](auto& s) { return s.stats.in_use; });
}
uint64_t supermachine_pool_stats_max(const supermachine_pool_stats* stats) noexcept {
  return get(stats, [](auto& s) { return s.stats.max; });
}
uint64_t supermachine_pool_stats_waiting(const supermachine_pool_stats* stats) noexcept {
  return get(stats, [](auto& s) { return s.stats.waiting; });
}
uint64_t supermachine_pool_stats_acquired(const supermachine_pool_stats* stats) noexcept {
  return get(stats, [](auto& s) { return s.stats.acquired; });
}
uint64_t supermachine_pool_stats_retired(const supermachine_pool_stats* stats) noexcept {
  return get(stats, [](auto& s) { return s.stats.retired; });
}
uint64_t supermachine_pool_stats_private_bytes(const supermachine_pool_stats* stats) noexcept {
  return get(stats, [](auto& s) { return s.stats.private_bytes; });
}
uint64_t supermachine_pool_stats_latency_count(const supermachine_pool_stats* stats,
                                               supermachine_latency latency) noexcept {
  return get(find_latency(stats, latency), [](auto& l) { return l.count; });
}
int64_t supermachine_pool_stats_latency(const supermachine_pool_stats* stats,
                                        supermachine_latency latency, int percent) noexcept {
  return get(find_latency(stats, latency), [&](auto& l) -> std::int64_t {
    switch (percent) {
      case 50:
        return l.p50.count();
      case 95:
        return l.p95.count();
      case 99:
        return l.p99.count();
      default:
        return 0;
    }
  });
}
