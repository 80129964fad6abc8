// SPDX-License-Identifier: Apache-2.0
// The two inner loops of everything a guest says: a queue's pop and complete, a frame's decode.
#include <benchmark/benchmark.h>

#include "fake_driver.h"
#include "rpc/frame.h"
#include "virtio/queue.h"

namespace supermachine {
namespace {

constexpr std::uint64_t kMemoryBytes = 1 << 20;

void queue_pop_and_complete(benchmark::State& state) {
  const GuestMemory memory = GuestMemory::create(kMemoryBytes).value();
  virtio::FakeDriver driver(memory);
  virtio::Queue queue = virtio::Queue::create(memory, {.layout = driver.layout()}, 0).value();
  for (auto _ : state) {
    driver.recycle();
    driver.readable("a header of sixteen.").writable(4096).submit();
    auto chain = queue.pop();
    benchmark::DoNotOptimize(chain);
    queue.complete(std::move(chain).value().value(), 1);
    benchmark::DoNotOptimize(driver.take_used());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(queue_pop_and_complete);

void frame_decode(benchmark::State& state) {
  const std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)));
  const auto frame = rpc::encode_frame(rpc::FrameType::kStdout, payload);
  for (auto _ : state) {
    auto decoded = rpc::decode_frame(frame);
    benchmark::DoNotOptimize(decoded);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(frame.size()));
}
BENCHMARK(frame_decode)->Arg(16)->Arg(rpc::kMaxData);

}  // namespace
}  // namespace supermachine

BENCHMARK_MAIN();
