// SPDX-License-Identifier: Apache-2.0
// Pointers from public classes to what only the library knows. <memory> has them too, at a third of
// the compile time that all our headers take together (docs/decisions/0083-light-headers.md).
#pragma once

#include <utility>

namespace supermachine::detail {

// As std::unique_ptr, from which it is made.
template <typename T>
class Owned {
 public:
  template <typename UniquePtr>
  requires requires(UniquePtr& p) { p.release(); }
  Owned(UniquePtr pointer) noexcept : object_(pointer.release()) {}  // NOLINT: implicit
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    if (this != &other) delete std::exchange(object_, std::exchange(other.object_, nullptr));
    return *this;
  }
  ~Owned() { delete object_; }

  [[nodiscard]] T* operator->() const noexcept { return object_; }
  [[nodiscard]] T& operator*() const noexcept { return *object_; }

 private:
  T* object_;
};

// As std::shared_ptr, from which it is made: each copy keeps one of those.
template <typename T>
class Shared {
 public:
  template <typename SharedPtr>
  requires requires(SharedPtr& p) { p.use_count(); }
  Shared(SharedPtr pointer)  // NOLINT: implicit
      : object_(pointer.get()), keeper_(new Holder<SharedPtr>(std::move(pointer))) {}
  Shared(const Shared& other)
      : object_(other.object_),
        keeper_(other.keeper_ == nullptr ? nullptr : other.keeper_->copy()) {}
  Shared(Shared&& other) noexcept
      : object_(std::exchange(other.object_, nullptr)),
        keeper_(std::exchange(other.keeper_, nullptr)) {}
  Shared& operator=(Shared other) noexcept {
    std::swap(object_, other.object_);
    std::swap(keeper_, other.keeper_);
    return *this;
  }
  ~Shared() { delete keeper_; }

  [[nodiscard]] T* operator->() const noexcept { return object_; }
  [[nodiscard]] T& operator*() const noexcept { return *object_; }

 private:
  struct Keeper {
    virtual ~Keeper() = default;
    [[nodiscard]] virtual Keeper* copy() const = 0;
  };
  template <typename SharedPtr>
  struct Holder final : Keeper {
    explicit Holder(SharedPtr p) : pointer(std::move(p)) {}
    [[nodiscard]] Keeper* copy() const override { return new Holder(pointer); }
    SharedPtr pointer;
  };

  T* object_;
  Keeper* keeper_;
};

}  // namespace supermachine::detail
