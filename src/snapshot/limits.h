// SPDX-License-Identifier: Apache-2.0
// The fixed numbers of the snapshot format (docs/formats/snapshot.md). A reader holds every count
// of a file against these before it believes it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace supermachine::snapshot {

// Of the directory and of restore.snap. A reader reads this version and all before it.
inline constexpr std::uint32_t kFormatVersion = 1;

// The names in a snapshot's directory.
inline constexpr const char* kMetadataFile = "metadata.json";
inline constexpr const char* kRestoreFile = "restore.snap";
inline constexpr const char* kMemoryFile = "memory.img";
inline constexpr const char* kHotSetFile = "hot.set";
inline constexpr const char* kRootfsFile = "rootfs.squashfs";

inline constexpr std::size_t kMaxMetadataBytes = 1 << 20;
inline constexpr std::size_t kMaxRestoreBytes = 64 << 20;
inline constexpr std::size_t kMaxHotSetBytes = 16 << 20;

inline constexpr std::uint64_t kMaxMemoryMib = 1 << 20;  // a page number then fits 28 bits
inline constexpr std::size_t kMaxVcpus = 256;
inline constexpr std::size_t kMaxCpuidEntries = 256;  // KVM_MAX_CPUID_ENTRIES
inline constexpr std::size_t kMaxMsrs = 1024;
inline constexpr std::size_t kMinXsaveBytes = 4096;  // what KVM_GET_XSAVE fills
inline constexpr std::size_t kMaxXsaveBytes = 64 << 10;
inline constexpr std::size_t kMaxQueues = 64;  // of one device
inline constexpr std::size_t kMaxVsockConnections = 65536;

// Every run of a memory file is a mapping of each machine restored from it.
inline constexpr std::size_t kMaxRuns = 4096;
// Bases below a diff snapshot; also what ends a chain that bites its tail.
inline constexpr std::size_t kMaxBases = 7;
// What one entry of the table of memory checksums covers.
inline constexpr std::uint64_t kChecksumBytes = 1 << 20;

}  // namespace supermachine::snapshot
